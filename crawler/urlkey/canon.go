package urlkey

import (
	"slices"
	"strings"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// tracking are the parameters that tell a site where a visitor comes from and nothing
// else: those that browsers with tracking protection take out of links (Brave's and
// Firefox's query stripping lists), and those of web analytics.
var tracking = []string{
	"utm_*", "gclid", "gclsrc", "dclid", "gbraid", "wbraid", "gad_source", "gad_campaignid",
	"srsltid", "_ga", "_gl", "fbclid", "mibextid", "igsh", "igshid", "msclkid", "twclid", "ttclid",
	"li_fat_id", "epik", "yclid", "ysclid", "ymclid", "rb_clickid", "wickedid", "irclickid",
	"mc_cid", "mc_eid", "ml_subscriber", "ml_subscriber_hash", "oly_anon_id", "oly_enc_id",
	"vero_conv", "vero_id", "mkt_tok", "s_cid", "cvid", "oicd", "bsft_clkid", "bsft_uid",
	"_hsenc", "_hsmi", "__hssc", "__hstc", "__hsfp", "hsctatracking", "mtm_*", "matomo_*", "pk_*", "piwik_*",
}

// Canon is a ticket's own say in which URLs are one page. It is safe for concurrent use.
type Canon struct {
	names    map[string]bool
	prefixes []string
	sort     bool
}

// NewCanon reads a ticket's options.
func NewCanon(o fleet.Canonical) *Canon {
	c := &Canon{names: map[string]bool{}, sort: o.SortQuery}
	drop := o.DropParams
	if o.DropTracking {
		drop = slices.Concat(drop, tracking)
	}
	for _, name := range drop {
		if prefix, open := strings.CutSuffix(name, "*"); open {
			c.prefixes = append(c.prefixes, prefix)
		} else {
			c.names[name] = true
		}
	}
	return c
}

// Of gives the URL with the key that the ticket wants it to have. What is fetched stays.
func (c *Canon) Of(u URL) URL {
	if !c.sort && len(c.names) == 0 && len(c.prefixes) == 0 {
		return u
	}
	at := strings.IndexByte(u.Key, '?')
	if at < 0 {
		return u
	}
	params := strings.Split(u.Key[at+1:], "&")
	kept := slices.DeleteFunc(params, c.dropped)
	if c.sort {
		// By name alone and stable: of one name the order of values may count.
		slices.SortStableFunc(kept, func(a, b string) int { return strings.Compare(paramName(a), paramName(b)) })
	}
	u.Key = u.Key[:at]
	if query := strings.Join(kept, "&"); query != "" {
		u.Key += "?" + query
	}
	return u
}

func (c *Canon) dropped(param string) bool {
	name := paramName(param)
	if c.names[name] {
		return true
	}
	return slices.ContainsFunc(c.prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}

func paramName(param string) string {
	name, _, _ := strings.Cut(param, "=")
	return name
}
