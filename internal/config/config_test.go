package config_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/config"
)

func TestDefault_IsValidAndSaysWhereItComesFrom(t *testing.T) {
	t.Parallel()
	l, err := config.Load(config.Source{Environ: []string{"HOME=/home/ann"}})
	require.NoError(t, err)
	require.Equal(t, "/home/ann/.local/share/crawlfleet", l.DataDir)
	for _, v := range l.Values() {
		require.Equal(t, config.FromDefault, v.Origin, v.Path)
	}
}

func TestLoad_DataHomeFollowsTheBaseDirectorySpecification(t *testing.T) {
	t.Parallel()
	l, err := config.Load(config.Source{Environ: []string{"HOME=/home/ann", "XDG_DATA_HOME=/data"}})
	require.NoError(t, err)
	require.Equal(t, "/data/crawlfleet", l.DataDir)
}

func TestLoad_FlagOverEnvironmentOverFileOverDefault(t *testing.T) {
	t.Parallel()
	file := write(t, "config.yaml", "temporal:\n  port: 1001\n  uiPort: 1002\nlog: {level: debug}\n")
	l, err := config.Load(config.Source{
		File:    file,
		Environ: []string{"HOME=/h", "CRAWLFLEET_TEMPORAL_UI_PORT=2002", "CRAWLFLEET_TEMPORAL_PORT=2001"},
		Flags:   map[string]string{"temporal.port": "3001"},
	})
	require.NoError(t, err)
	require.Equal(t, 3001, l.Temporal.Port)
	require.Equal(t, 2002, l.Temporal.UIPort)
	require.Equal(t, "debug", l.Log.Level)

	at := map[string]config.Value{}
	for _, v := range l.Values() {
		at[v.Path] = v
	}
	require.Equal(t, config.Value{
		Path: "temporal.port", Value: "3001", Origin: config.FromFlag, At: "--temporal-port",
	}, at["temporal.port"])
	require.Equal(t, "CRAWLFLEET_TEMPORAL_UI_PORT", at["temporal.uiPort"].At)
	require.Equal(t, file+":4", at["log.level"].At)
	require.Equal(t, config.FromDefault, at["log.format"].Origin)
}

func TestLoad_SecretsComeFromFilesAndAreNeverShown(t *testing.T) {
	t.Parallel()
	key := "k1:" + base64.StdEncoding.EncodeToString(make([]byte, 32))
	l, err := config.Load(config.Source{Environ: []string{
		"HOME=/h", "CRAWLFLEET_CODEC_KEYS_FILE=" + write(t, "key", key+"\n"),
	}})
	require.NoError(t, err)
	keys, err := l.Codec.Parse()
	require.NoError(t, err)
	require.Equal(t, "k1", keys[0].ID)
	for _, v := range l.Values() {
		require.NotContains(t, v.Value, key)
		if v.Path == "codec.keys" {
			require.Equal(t, "***", v.Value)
			require.Equal(t, "CRAWLFLEET_CODEC_KEYS_FILE", v.At)
		}
	}
}

func TestLoad_ReadsEverySettingInTheFormThatItIsShownIn(t *testing.T) {
	t.Parallel()
	def := config.Default("/d")
	env := []string{"HOME=/h"}
	for _, s := range config.Settings() {
		if text := s.Text(def); text != "" {
			env = append(env, s.Env+"="+text)
		}
	}
	l, err := config.Load(config.Source{Environ: env})
	require.NoError(t, err)
	require.Equal(t, def, l.Config)
}

func TestLoad_ListsFromAllThreePlaces(t *testing.T) {
	t.Parallel()
	want := "10.0.0.0/8,fd00::/8"
	for name, s := range map[string]config.Source{
		"flag": {Flags: map[string]string{"allowPrivate": want}},
		"env":  {Environ: []string{"CRAWLFLEET_ALLOW_PRIVATE=10.0.0.0/8, fd00::/8"}},
		"yaml": {File: write(t, "c.yaml", "allowPrivate:\n- 10.0.0.0/8\n- fd00::/8\n")},
		"json": {File: write(t, "c.json", `{"allowPrivate": ["10.0.0.0/8", "fd00::/8"]}`)},
	} {
		s.Environ = append(s.Environ, "HOME=/h")
		l, err := config.Load(s)
		require.NoError(t, err, name)
		require.Len(t, l.AllowPrivate, 2, name)
		for _, v := range l.Values() {
			if v.Path == "allowPrivate" {
				require.Equal(t, want, v.Value, name)
			}
		}
	}
}

func TestLoad_OfferingsFromAFile(t *testing.T) {
	t.Parallel()
	file := write(t, "c.yaml", `
process:
  offerings:
  - {id: process/one, provider: process, account: a, region: r, country: NL, capacity: 2,
     price: {micros: 5, currency: EUR}, grain: hour, egress: own, idleAfter: 30s}
`)
	l, err := config.Load(config.Source{File: file, Environ: []string{"HOME=/h"}})
	require.NoError(t, err)
	require.Len(t, l.Process.Offerings, 1)
	require.Equal(t, 30*time.Second, l.Process.Offerings[0].IdleAfter.Std())
}

func TestLoad_NamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file  string
		env   string
		code  fleet.Code
		field string
		text  string
	}{
		"unknown setting":     {file: "temporal:\n  prot: 1\n", code: fleet.CodeUnknownField, field: "temporal.prot", text: ":2:"},
		"unknown section":     {file: "temporel: {port: 1}", code: fleet.CodeUnknownField, field: "temporel"},
		"twice":               {file: "contact: a\ncontact: b\n", code: fleet.CodeInvalid, field: "contact"},
		"not a section":       {file: "temporal: 7233", code: fleet.CodeInvalid, field: "temporal"},
		"not yaml":            {file: "a: [", code: fleet.CodeInvalid, field: "config"},
		"not a number":        {env: "CRAWLFLEET_TEMPORAL_PORT=seven", code: fleet.CodeInvalid, field: "temporal.port", text: "set by CRAWLFLEET_TEMPORAL_PORT"},
		"out of range":        {env: "CRAWLFLEET_TEMPORAL_PORT=70000", code: fleet.CodeInvalid, field: "temporal.port"},
		"not a port":          {env: "CRAWLFLEET_ALLOW_PORTS=9000,0", code: fleet.CodeInvalid, field: "allowPorts[1]"},
		"not a duration":      {file: "crawler: {idleAfter: 5}", code: fleet.CodeInvalid, field: "crawler.idleAfter"},
		"not loopback":        {env: "CRAWLFLEET_DATA_PLANE_LISTEN=0.0.0.0:1", code: fleet.CodeInvalid, field: "dataPlane.listen"},
		"no host":             {env: "CRAWLFLEET_WEB_URL=crawls.example.com", code: fleet.CodeInvalid, field: "web.url"},
		"a path":              {env: "CRAWLFLEET_WEB_URL=https://example.com/crawls", code: fleet.CodeInvalid, field: "web.url"},
		"open to all":         {env: "CRAWLFLEET_WEB_LISTEN=0.0.0.0:1", code: fleet.CodeInvalid, field: "web.listen"},
		"no store":            {env: "CRAWLFLEET_STORE=mysql://u:c2VjcmV0@h/d", code: fleet.CodeInvalid, field: "store"},
		"a bad key":           {env: "CRAWLFLEET_CODEC_KEYS=k1:c2VjcmV0", code: fleet.CodeInvalid, field: "codec.keys"},
		"no such secret file": {env: "CRAWLFLEET_CODEC_KEYS_FILE=/nowhere", code: fleet.CodeInvalid, field: "CRAWLFLEET_CODEC_KEYS_FILE"},
		"log level":           {file: "log: {level: loud}", code: fleet.CodeInvalid, field: "log.level"},
		"unknown offering field": {
			file: "process: {offerings: [{ID: process/a, prise: 1}]}", code: fleet.CodeInvalid,
			field: "process.offerings", text: "prise",
		},
		"docker subnet": {
			file: "{providers: [docker], docker: {subnet: 10.0.0.0/30}}", code: fleet.CodeInvalid, field: "docker.subnet",
		},
		"docker address": {
			file: "{providers: [docker], docker: {subnet: 10.0.0.0/24, addresses: [10.0.0.1]}}",
			code: fleet.CodeInvalid, field: "docker.addresses[0]",
		},
		"docker addresses of no subnet": {
			file: "{providers: [docker], docker: {addresses: [10.0.0.9]}}", code: fleet.CodeInvalid, field: "docker.addresses",
		},
		"docker engine in the clear": {
			file: "{providers: [docker], docker: {host: 'tcp://192.0.2.1:2375'}}", code: fleet.CodeInvalid, field: "docker.certs",
		},
		"docker engine by ssh": {
			file: "{providers: [docker], docker: {host: 'ssh://host'}}", code: fleet.CodeInvalid, field: "docker.host",
		},
		"docker cpus": {
			file: "{providers: [docker], docker: {cpus: many}}", code: fleet.CodeInvalid, field: "docker.cpus", text: "not a number",
		},
		"docker memory": {
			file: "{providers: [docker], docker: {memory: 8}}", code: fleet.CodeInvalid, field: "docker.memory",
		},
		"docker image": {
			file: "{providers: [docker], docker: {image: ''}}", code: fleet.CodeInvalid, field: "docker.image",
		},
		"docker place": {
			file: "{providers: [docker], docker: {offerings: [{id: process/a}]}}",
			code: fleet.CodeInvalid, field: "docker.offerings[0].id",
		},
		"no country": {
			file: "process: {offerings: [{id: process/a, provider: process, account: a}]}",
			code: fleet.CodeInvalid, field: "process.offerings[0].country",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := config.Source{Environ: []string{"HOME=/h", c.env}}
			if c.file != "" {
				s.File = write(t, "config.yaml", c.file)
			}
			_, err := config.Load(s)
			var e *fleet.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, c.code, e.Code)
			require.Equal(t, c.field, e.Field)
			require.Contains(t, e.Error(), c.text)
			require.NotContains(t, e.Error(), "c2VjcmV0")
		})
	}
}

func TestLoad_AMissingFileIsAnErrorOnlyWhenItWasNamed(t *testing.T) {
	t.Parallel()
	_, err := config.Load(config.Source{File: filepath.Join(t.TempDir(), "none"), Environ: []string{"HOME=/h"}})
	require.Equal(t, fleet.CodeInvalid, fleet.CodeOf(err))

	home := t.TempDir()
	_, err = config.Load(config.Source{Environ: []string{"HOME=" + home}})
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Join(home, ".config", "crawlfleet"), 0o700))
	name := filepath.Join(home, ".config", "crawlfleet", "config.yaml")
	require.NoError(t, os.WriteFile(name, []byte("contact: ops@example.com"), 0o600))
	l, err := config.Load(config.Source{Environ: []string{"HOME=" + home}})
	require.NoError(t, err)
	require.Equal(t, "ops@example.com", l.Contact)
}

func TestLoad_ListsVariablesThatNothingReads(t *testing.T) {
	t.Parallel()
	l, err := config.Load(config.Source{Environ: []string{
		"HOME=/h", "CRAWLFLEET_TEMPORAL_PROT=1", fleet.EnvGUID + "=x", "OTHER=1",
	}})
	require.NoError(t, err)
	require.Equal(t, []string{"CRAWLFLEET_TEMPORAL_PROT"}, l.Unknown)
}

func TestSettings_HaveDistinctNames(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, s := range config.Settings() {
		require.False(t, seen[s.Path] || seen[s.Env] || seen["--"+s.Flag], s.Path)
		seen[s.Path], seen[s.Env], seen["--"+s.Flag] = true, true, true
		require.NotEmpty(t, s.Help, s.Path)
		require.Equal(t, strings.ToLower(s.Flag), s.Flag)
	}
	require.True(t, seen[fleet.EnvContact])
	require.True(t, seen[fleet.EnvAllowPrivate])
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
	return name
}
