package sample

import (
	"fmt"
	"strings"
)

// anyAgent is the robots.txt group for agents that have none of their own.
const anyAgent = "*"

// robotsRule is a line of robots.txt: paths that begin with prefix are allowed or not.
type robotsRule struct {
	prefix string
	allow  bool
}

// robots is what a host says to crawlers. The two groups differ both ways, so that a crawler which
// obeys the wrong one fetches something that it must not and misses something that it may.
type robots struct {
	agent  string // product token of the group that is ours
	ours   []robotsRule
	others []robotsRule
}

func shopRobots(agent string) robots {
	return robots{
		agent: agent,
		ours: []robotsRule{
			{prefix: "/cart"},
			{prefix: "/calendar/"},
			{prefix: "/trap/"},
			{prefix: "/drafts/"},
			{prefix: "/drafts/press-kit", allow: true},
		},
		others: []robotsRule{
			{prefix: "/cart"},
			{prefix: "/calendar/"},
			{prefix: "/trap/"},
			{prefix: "/clearance/"},
		},
	}
}

func journalRobots(agent string) robots {
	return robots{
		agent:  agent,
		ours:   []robotsRule{{prefix: "/editor/"}, {prefix: "/print/"}},
		others: []robotsRule{{prefix: "/editor/"}},
	}
}

// blocks reports whether the longest rule that fits disallows the path to the agent.
func (r robots) blocks(agent, path string) bool {
	rules := r.others
	if strings.EqualFold(agent, r.agent) {
		rules = r.ours
	}
	var longest robotsRule
	for _, rule := range rules {
		if strings.HasPrefix(path, rule.prefix) && len(rule.prefix) > len(longest.prefix) {
			longest = rule
		}
	}
	return longest.prefix != "" && !longest.allow
}

// text writes robots.txt. There is no Crawl-delay, so the delay is the crawler's own.
func (r robots) text(sitemap string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# A sample site. It welcomes crawlers that ask first.\n")
	for _, group := range []struct {
		agent string
		rules []robotsRule
	}{{anyAgent, r.others}, {r.agent, r.ours}} {
		fmt.Fprintf(&b, "\nUser-agent: %s\n", group.agent)
		for _, rule := range group.rules {
			word := "Disallow"
			if rule.allow {
				word = "Allow"
			}
			fmt.Fprintf(&b, "%s: %s\n", word, rule.prefix)
		}
	}
	fmt.Fprintf(&b, "\nSitemap: %s\n", sitemap)
	return b.String()
}
