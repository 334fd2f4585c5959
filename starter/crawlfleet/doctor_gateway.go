package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/crawlfleet/crawlfleet/internal/config"
)

// certificateSoon is how long before the end of a certificate somebody should see to the
// next one. Those that the gateway makes itself never come so near to theirs.
const certificateSoon = 7 * 24 * time.Hour

// gateway looks at the door for crawlers off this machine as one of them does.
func (d *doctor) gateway(ctx context.Context) {
	const check = "gateway"
	if !d.cfg.Gateway.On() {
		return
	}
	text := d.cfg.Gateway.Address()
	if d.cfg.Gateway.URL == "" && d.at != nil && d.at.Gateway != "" {
		text = d.at.Gateway
	}
	at, err := url.Parse(text)
	if err != nil || at.Hostname() == "" {
		d.fail(check, fmt.Sprintf("crawlers are given %q, which is no URL", text), "crawlfleet config show  # gateway.url")
		return
	}
	roots, ok := d.authorities(at.Hostname())
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	d.handshake(ctx, at, roots)
}

// authorities are those that crawlers check the gateway by, nil for the system's; false
// where they or the certificate are of no use.
func (d *doctor) authorities(host string) (*x509.CertPool, bool) {
	const check = "gateway certificate"
	if d.cfg.Gateway.Cert != "" {
		return nil, d.ownCertificate(check, host)
	}
	path := filepath.Join(d.dir.Path, config.AuthorityFile)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		d.warn(check, "the fleet has no authority yet; the control worker makes it when it starts", "crawlfleet dev  # or crawlfleet worker")
		return nil, false
	}
	d.private(path, 0o600)
	a, err := authority(d.dir)
	if err != nil {
		d.fail(check, err.Error(), "crawlfleet restore ARCHIVE --data-dir NEW")
		return nil, false
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(a.PEM())
	d.ok(check, "of the fleet's own authority, which is good until "+moment(a.Until()))
	return roots, true
}

// ownCertificate looks at the operator's own.
func (d *doctor) ownCertificate(check, host string) bool {
	pair, err := tls.LoadX509KeyPair(d.cfg.Gateway.Cert, d.cfg.Gateway.Key)
	show := "openssl x509 -noout -dates -ext subjectAltName -in " + d.cfg.Gateway.Cert
	switch {
	case err != nil:
		d.fail(check, err.Error(), "crawlfleet config show  # gateway.cert, gateway.key")
		return false
	case pair.Leaf.VerifyHostname(host) != nil:
		d.fail(check, pair.Leaf.VerifyHostname(host).Error(), show)
		return false
	case d.now.After(pair.Leaf.NotAfter):
		d.fail(check, "it ended "+moment(pair.Leaf.NotAfter), show)
		return false
	}
	d.until(check, "for "+host, pair.Leaf.NotAfter, show)
	return true
}

// until reports a certificate by its end.
func (d *doctor) until(check, says string, end time.Time, typed string) {
	says += ", good until " + moment(end)
	if end.Sub(d.now) < certificateSoon {
		d.warn(check, says, typed)
		return
	}
	d.ok(check, says)
}

// handshake enters as a crawler does, and leaves.
func (d *doctor) handshake(ctx context.Context, at *url.URL, roots *x509.CertPool) {
	const check = "gateway"
	port := at.Port()
	if port == "" {
		port = "443"
	}
	address := net.JoinHostPort(at.Hostname(), port)
	dialer := tls.Dialer{Config: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"}}}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		d.shut(check, at, err)
		return
	}
	defer func() { _ = conn.Close() }() // nothing was sent
	c, ok := conn.(*tls.Conn)
	if !ok {
		d.fail(check, fmt.Sprintf("a %T is no TLS connection", conn), "crawlfleet doctor")
		return
	}
	d.until(check, "answers at "+at.String()+" with a certificate for it",
		c.ConnectionState().PeerCertificates[0].NotAfter, d.gatewayLog())
}

func (d *doctor) gatewayLog() string { return "tail " + filepath.Join(d.dir.Logs(), "gateway.log") }

// shut says why a crawler would not come in.
func (d *doctor) shut(check string, at *url.URL, err error) {
	var name x509.HostnameError
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	probe := "openssl s_client -connect " + at.Host
	switch {
	case errors.As(err, &name):
		d.fail(check, name.Error(), "crawlfleet gateway --gateway-names "+at.Hostname())
	case errors.As(err, &unknown) && d.cfg.Gateway.Cert == "":
		d.fail(check, "who answers at "+at.String()+" has no certificate of this fleet's authority; crawlers do not trust it", probe)
	case errors.As(err, &unknown):
		d.fail(check, "this system's authorities do not know who has signed the certificate: "+unknown.Error(), probe)
	case errors.As(err, &invalid):
		d.fail(check, "its certificate: "+invalid.Error(), probe)
	case d.at == nil && !d.dir.Held():
		d.warn(check, "nobody answers at "+at.String()+"; it is started with the fleet", "crawlfleet dev")
	case d.cfg.Gateway.Listen == "":
		d.warn(check, "it is not on this machine, and not reached from here: "+err.Error()+
			"; crawlers may be on a network of their own with it", "crawlfleet crawler list  # whether any serves")
	default:
		d.fail(check, "a crawler cannot come in: "+err.Error(), d.gatewayLog())
	}
}
