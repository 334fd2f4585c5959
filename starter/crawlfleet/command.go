package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/crawlfleet/crawlfleet/internal/config"
)

// group is a command that only holds others.
func group(name, short, long string, subs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use: name, Short: short, Long: long,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.Help()
			}
			message := fmt.Sprintf("unknown command %q", args[0])
			if near := c.SuggestionsFor(args[0]); len(near) > 0 {
				message += ", did you mean " + strings.Join(near, " or ") + "?"
			}
			return usage(c, message)
		},
	}
	c.SuggestionsMinimumDistance = 2
	c.AddCommand(subs...)
	return c
}

// runner is what a command does.
type runner func(ctx context.Context, args []string) error

// command makes a command that takes lo to hi arguments; hi < 0 for any number.
func command(use, short, long, example string, lo, hi int, do runner) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Long: long, Example: example, DisableFlagsInUseLine: true,
		Args: func(c *cobra.Command, args []string) error {
			switch {
			case len(args) < lo:
				return usage(c, "an argument is missing")
			case hi >= 0 && len(args) > hi:
				return usage(c, fmt.Sprintf("unexpected argument %q", args[hi]))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return do(c.Context(), args) },
	}
}

// settingFlags adds flags for settings of the configuration, by their paths.
func (a *App) settingFlags(flags *pflag.FlagSet, paths ...string) {
	for _, s := range config.Settings() {
		if slices.Contains(paths, s.Path) && s.Flagged {
			flags.Var(&settingValue{into: a.settings, path: s.Path}, s.Flag, s.Help+" (also "+s.Env+")")
		}
	}
}

// settingValue is a flag whose text goes to the configuration.
type settingValue struct {
	into map[string]string
	path string
}

func (v *settingValue) String() string { return v.into[v.path] }
func (v *settingValue) Type() string   { return "value" }

// Set remembers the text; the configuration checks it.
func (v *settingValue) Set(text string) error {
	v.into[v.path] = text
	return nil
}

// oneOfValue is a flag that takes one of some words.
type oneOfValue struct {
	value   *string
	allowed []string
}

func (v *oneOfValue) String() string { return *v.value }
func (v *oneOfValue) Type() string   { return strings.Join(v.allowed, "|") }

// Set refuses any other word.
func (v *oneOfValue) Set(text string) error {
	if !slices.Contains(v.allowed, text) {
		return fmt.Errorf("want %s", strings.Join(v.allowed, ", "))
	}
	*v.value = text
	return nil
}
