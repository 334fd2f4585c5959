package fleet_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestMoney_SharesAddUpExactly(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := fleet.Money{Micros: rapid.Int64().Draw(t, "micros"), Currency: "EUR"}
		weights := rapid.SliceOf(rapid.Int64Min(-3)).Draw(t, "weights")
		positive, sum := false, int64(0)
		parts := m.Share(weights)
		for i, p := range parts {
			positive = positive || weights[i] > 0
			sum += p.Micros
			if weights[i] <= 0 && p.Micros != 0 {
				t.Fatalf("weight %d got %v", weights[i], p)
			}
			if p.Currency != "EUR" || p.Micros != 0 && (p.Micros > 0) != (m.Micros > 0) {
				t.Fatalf("share %v of %v", p, m)
			}
		}
		if want := m.Micros; positive && sum != want || !positive && sum != 0 {
			t.Fatalf("%v shared by %v adds up to %d", m, weights, sum)
		}
	})
}

func TestMoney_LargestRemainderAndTiesToTheEarlier(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		micros  int64
		weights []int64
		want    []int64
	}{
		{10, []int64{1, 1, 1}, []int64{4, 3, 3}},
		{10, []int64{1, 5, 1}, []int64{2, 7, 1}},
		{2, []int64{1, 0, 1, 1}, []int64{1, 0, 1, 0}},
		{7, nil, []int64{}},
		{7, []int64{0, 0}, []int64{0, 0}},
		{-10, []int64{1, 1, 1}, []int64{-4, -3, -3}},
	} {
		got := []int64{}
		for _, p := range (fleet.Money{Micros: c.micros, Currency: "EUR"}).Share(c.weights) {
			got = append(got, p.Micros)
		}
		require.Equal(t, c.want, got)
	}
}

func TestMoney_Arithmetic(t *testing.T) {
	t.Parallel()
	euro := func(micros int64) fleet.Money { return fleet.Money{Micros: micros, Currency: "EUR"} }
	require.Equal(t, "-0.000001 EUR", euro(-1).String())
	require.Equal(t, "12.345678 EUR", euro(12_345_678).String())
	require.Equal(t, euro(3), euro(12_000).For(time.Second), "rounded down")
	require.Equal(t, euro(12_000*24*365), euro(12_000).For(24*365*time.Hour))
	sum, err := fleet.Money{}.Add(euro(2))
	require.NoError(t, err)
	require.Equal(t, euro(2), sum)
	_, err = euro(1).Add(fleet.Money{Micros: 1, Currency: "USD"})
	require.Error(t, err)
}

func TestMoney_IsReadAsPeopleWriteIt(t *testing.T) {
	for text, micros := range map[string]int64{
		"12.50 EUR": 12_500_000, "12 EUR": 12_000_000, "0.000001EUR": 1, " 3.5 EUR ": 3_500_000,
	} {
		m, err := fleet.ParseMoney(text)
		require.NoError(t, err, text)
		require.Equal(t, fleet.Money{Micros: micros, Currency: "EUR"}, m, text)
	}
	for _, text := range []string{"", "12", "EUR", "-1 EUR", "1.0000001 EUR", "1,5 EUR", "1 eur", "1e3 EUR"} {
		_, err := fleet.ParseMoney(text)
		require.Error(t, err, text)
	}
}

func TestGrain_BillsWhatWasStarted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		grain      fleet.Grain
		life, want time.Duration
	}{
		{fleet.GrainSecond, 0, 0},
		{fleet.GrainSecond, time.Millisecond, time.Second},
		{fleet.GrainSecond, time.Second, time.Second},
		{fleet.GrainMinute, 0, time.Minute},
		{fleet.GrainMinute, time.Minute + 1, 61 * time.Second},
		{fleet.GrainHour, time.Second, time.Hour},
		{fleet.GrainHour, time.Hour, time.Hour},
		{fleet.GrainHour, time.Hour + 1, 2 * time.Hour},
	} {
		require.Equal(t, c.want, c.grain.Billed(c.life), "%s of %s", c.grain, c.life)
	}
}

func TestDuration_IsAStringOnTheWire(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal(fleet.Duration(90 * time.Second))
	require.NoError(t, err)
	require.Equal(t, `"1m30s"`, string(b))
	var d fleet.Duration
	require.NoError(t, json.Unmarshal(b, &d))
	require.Equal(t, 90*time.Second, d.Std())
	for _, wrong := range []string{`5`, `"5"`, `"five"`, `{}`, `true`} {
		require.Error(t, json.Unmarshal([]byte(wrong), &d), wrong)
	}
}

func TestMoment_IsADurationOrAnInstant(t *testing.T) {
	t.Parallel()
	accepted := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for text, want := range map[fleet.Moment]time.Time{
		"":                     {},
		"10m":                  accepted.Add(10 * time.Minute),
		"2026-02-03T04:05:06Z": time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC),
	} {
		got, err := text.Resolve(accepted)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, wrong := range []fleet.Moment{"0s", "-1m", "soon", "2026-02-03"} {
		_, err := wrong.Resolve(accepted)
		require.Error(t, err, wrong)
	}
}

func TestSecret_NeverShows(t *testing.T) {
	t.Parallel()
	s := fleet.Secret("hunter2")
	b, err := json.Marshal(map[string]any{"s": s})
	require.NoError(t, err)
	shown := string(b) + fmt.Sprintf("%v %s %q %#v %+v", s, s, s, s, struct{ S fleet.Secret }{s}) + s.LogValue().String()
	require.NotContains(t, shown, "hunter2")
	require.Equal(t, "hunter2", s.Reveal())
	require.Empty(t, fleet.Secret("").String())
}

func TestError_RendersEveryPartAndItsCode(t *testing.T) {
	t.Parallel()
	e := fleet.Invalid("urls", "is empty", "a URL").WithHint("try -h").Because(errors.New("cause"))
	require.Equal(t, "urls: is empty; want a URL (try -h)", e.Error())
	require.Equal(t, fleet.CodeInvalid, fleet.CodeOf(fmt.Errorf("parse: %w", e)))
	require.Equal(t, fleet.CodeInternal, fleet.CodeOf(errors.New("other")))
	require.Empty(t, fleet.CodeOf(nil))
	b, err := json.Marshal(e)
	require.NoError(t, err)
	require.NotContains(t, string(b), "cause")
}

func TestContract_AcceptsThisVersionAndTheOneBefore(t *testing.T) {
	t.Parallel()
	require.True(t, fleet.ContractAccepted(fleet.ContractVersion))
	require.False(t, fleet.ContractAccepted(fleet.ContractVersion+1))
	require.False(t, fleet.ContractAccepted(0))
}
