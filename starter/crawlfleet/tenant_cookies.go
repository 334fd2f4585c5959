package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/credential"
)

// sealed is what seal-cookies prints.
type sealed struct {
	Session fleet.SessionKey    `json:"session"`
	Cookies fleet.SealedCookies `json:"cookies"`
	Count   int                 `json:"count"`
}

func newTenantSealCookiesCommand(app *App) *cobra.Command {
	var session string
	c := command("seal-cookies TENANT FILE", "seal cookies for a session of a tenant",
		`Reads cookies (cookies.txt as browsers and curl write it, or the JSON of a browser's extension; - for
standard input) and prints them sealed, for a ticket's session.cookies. Only the fleet opens them, and only for
this session of this tenant.`,
		"  crawlfleet tenant seal-cookies demo cookies.txt --session shop", 2, 2,
		func(ctx context.Context, args []string) error {
			return app.sealCookies(ctx, fleet.TenantID(args[0]), fleet.SessionKey(session), args[1])
		})
	c.Flags().StringVar(&session, "session", "", "the session that they are for; required")
	return c
}

func (a *App) sealCookies(ctx context.Context, tenant fleet.TenantID, key fleet.SessionKey, file string) error {
	if err := key.Validate(); err != nil {
		return err
	}
	r, err := a.reader(ctx)
	if err != nil {
		return err
	}
	t, err := r.Tenant(ctx, tenant)
	if err != nil {
		return err
	}
	b, err := a.readFile(file)
	if err != nil {
		return err
	}
	now := time.Now()
	cookies, err := readCookies(b)
	if err != nil {
		return err
	}
	d, err := a.dir()
	if err != nil {
		return err
	}
	secret, err := d.Secret()
	if err != nil {
		return err
	}
	text, err := credential.Maker{Fleet: d.Stamp.Fleet, Secret: secret}.SealCookies(t.Tenant, key,
		fleet.SessionState{Version: now.UnixMicro(), Cookies: cookies})
	if err != nil {
		return err
	}
	return printOne(a, sealed{key, text, len(cookies)}, func(w io.Writer) {
		fmt.Fprintln(w, text)
		a.note("%d cookies for session %s of tenant %s", len(cookies), key, t.Tenant)
	})
}

// readCookies reads cookies.txt or JSON.
func readCookies(b []byte) ([]fleet.Cookie, error) {
	if bytes.HasPrefix(bytes.TrimSpace(b), []byte("[")) {
		return readJSONCookies(b)
	}
	var all []fleet.Cookie
	lines := bufio.NewScanner(bytes.NewReader(b))
	for n := 1; lines.Scan(); n++ {
		line, httpOnly := strings.CutPrefix(strings.TrimRight(lines.Text(), "\r"), "#HttpOnly_")
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) != 7 {
			return nil, fleet.Invalid(fmt.Sprintf("line %d", n), "has not seven fields", "cookies.txt with tabs")
		}
		expires, err := strconv.ParseInt(f[4], 10, 64)
		if err != nil {
			return nil, fleet.Invalid(fmt.Sprintf("line %d", n), "has no time in its fifth field", "seconds since 1970")
		}
		all = append(all, cookieOf(f[0], f[2], f[5], f[6], expires, f[1] != "TRUE", f[3] == "TRUE", httpOnly))
	}
	if len(all) == 0 {
		return nil, fleet.Invalid("cookies", "has none", "cookies.txt or a JSON list")
	}
	return all, lines.Err()
}

func readJSONCookies(b []byte) ([]fleet.Cookie, error) {
	var list []struct {
		Name, Value, Domain, Path  string
		Expires, ExpirationDate    float64
		HostOnly, Secure, HTTPOnly bool
	}
	if err := json.Unmarshal(b, &list); err != nil {
		return nil, fleet.Invalid("cookies", err.Error(), "a JSON list of cookies with name, value, domain and path")
	}
	all := make([]fleet.Cookie, len(list))
	for i, c := range list {
		if c.Name == "" || c.Domain == "" {
			return nil, fleet.Invalid(fmt.Sprintf("cookies[%d]", i), "has no name or no domain", "both")
		}
		only := c.HostOnly || !strings.HasPrefix(c.Domain, ".")
		all[i] = cookieOf(c.Domain, c.Path, c.Name, c.Value, int64(max(c.Expires, c.ExpirationDate)), only, c.Secure, c.HTTPOnly)
	}
	return all, nil
}

func cookieOf(domain, path, name, value string, expires int64, hostOnly, secure, httpOnly bool) fleet.Cookie {
	host, scheme := strings.TrimPrefix(domain, "."), "http"
	if secure {
		scheme = "https"
	}
	c := fleet.Cookie{
		URL: (&url.URL{Scheme: scheme, Host: host, Path: "/"}).String(), Name: name,
		Value: fleet.CookieValue(value), Path: cmp.Or(path, "/"), Secure: secure, HTTPOnly: httpOnly,
	}
	if !hostOnly {
		c.Domain = host
	}
	if expires > 0 { // 0 and -1 are cookies of a session
		c.Expires = time.Unix(expires, 0).UTC()
	}
	return c
}
