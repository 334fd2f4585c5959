package main

import (
	"bytes"
	"flag"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.uber.org/zap/zapcore"
)

func TestParse_Defaults(t *testing.T) {
	t.Parallel()
	cfg, err := parse([]string{"--data-dir", "/d"}, &bytes.Buffer{})
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1", cfg.IP.String())
	require.Equal(t, 7233, cfg.Port)
	require.Equal(t, 8233, cfg.UIPort)
	require.Equal(t, noPort, cfg.HTTPPort)
	require.Equal(t, "default", cfg.Namespace)
	require.Equal(t, 72*time.Hour, cfg.Retention)
	require.Equal(t, zapcore.WarnLevel, cfg.LogLevel)
	require.False(t, cfg.Lifeline)
}

func TestParse_CollectsSearchAttributes(t *testing.T) {
	t.Parallel()
	cfg, err := parse([]string{
		"--data-dir", "/d", "--search-attribute", "CrawlTenant=Keyword",
		"--search-attribute", "Pages=Int",
	}, &bytes.Buffer{})
	require.NoError(t, err)
	require.Equal(t, attributes{
		"CrawlTenant": enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		"Pages":       enumspb.INDEXED_VALUE_TYPE_INT,
	}, cfg.SearchAttributes)
}

func TestParse_RefusesAndNamesTheFlag(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"no directory":       {nil, "--data-dir"},
		"port too high":      {[]string{"--data-dir", "d", "--port", "65536"}, "--port"},
		"no frontend":        {[]string{"--data-dir", "d", "--port", "-1"}, "--port"},
		"UI port below none": {[]string{"--data-dir", "d", "--ui-port", "-2"}, "--ui-port"},
		"two on one port":    {[]string{"--data-dir", "d", "--port", "9", "--ui-port", "9"}, "--ui-port"},
		"HTTP on UI's port":  {[]string{"--data-dir", "d", "--ui-port", "9", "--http-port", "9"}, "--http-port"},
		"short retention":    {[]string{"--data-dir", "d", "--retention", "59m"}, "--retention"},
		"empty namespace":    {[]string{"--data-dir", "d", "--namespace", ""}, "--namespace"},
		"no IP address":      {[]string{"--data-dir", "d", "--ip", "localhost"}, "--ip"},
		"all addresses":      {[]string{"--data-dir", "d", "--ip", "0.0.0.0"}, "--ip"},
		"negative lock wait": {[]string{"--data-dir", "d", "--lock-wait", "-1s"}, "--lock-wait"},
		"attribute no type":  {[]string{"--data-dir", "d", "--search-attribute", "A"}, "search-attribute"},
		"attribute bad type": {[]string{"--data-dir", "d", "--search-attribute", "A=Word"}, "search-attribute"},
		"attribute twice": {[]string{
			"--data-dir", "d", "--search-attribute", "A=Int", "--search-attribute", "A=Bool",
		}, "search-attribute"},
		"unknown flag": {[]string{"--data-dri", "d"}, "data-dri"},
		"argument":     {[]string{"--data-dir", "d", "start"}, "start"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := parse(tc.args, &bytes.Buffer{})
			var f *Failure
			require.ErrorAs(t, err, &f)
			require.Equal(t, codeInvalid, f.Code)
			require.Contains(t, err.Error(), tc.want)
		})
	}
}

func TestParse_HelpListsEveryFlag(t *testing.T) {
	t.Parallel()
	var usage bytes.Buffer
	_, err := parse([]string{"-h"}, &usage)
	require.ErrorIs(t, err, flag.ErrHelp)
	for _, name := range []string{
		"data-dir", "ip", "port", "ui-port", "http-port", "namespace", "retention",
		"search-attribute", "log-level", "lifeline", "lock-wait",
	} {
		require.Contains(t, usage.String(), "-"+name)
	}
}
