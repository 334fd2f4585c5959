package sample

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAccessLog_SpellingsOfOnePageCountTogether(t *testing.T) {
	t.Parallel()
	s := started(t, Options{Hosts: []string{"localhost:0", "127.0.0.1:0"}})
	require.True(t, strings.HasPrefix(s.URL(), "http://localhost:"))
	maker := makerPlace(makers()[0])
	for _, as := range []spelling{
		plainly, inFull, withDots, withEmptyQuery, escaped, unescaped,
		inCapitals, withFragment,
	} {
		href := as(s.origins, place{journal, "/"}, maker)
		resp, _ := fetch(t, href)
		require.Equal(t, http.StatusOK, resp.StatusCode, href)
	}
	require.Equal(t, 8, s.Count(maker.path))
	require.Equal(t, 8, s.Count(s.url(maker)))
	require.Zero(t, s.Count(s.JournalURL(maker.path)))
}

func TestAccessLog_RecordsEachRequest(t *testing.T) {
	t.Parallel()
	var lines bytes.Buffer
	s := started(t, Options{Log: &lines})
	before := time.Now()
	url := s.ShopURL("/c/wool?page=2")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodHead, url, nil)
	require.NoError(t, err)
	req.Header.Set("User-Agent", "looker/2.0")
	resp, err := newNaive(t, nil, "", 0).client.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	fetch(t, s.JournalURL("/lost/"))

	log := s.Log()
	require.Len(t, log, 2)
	require.False(t, log[0].Time.Before(before.Truncate(0)))
	require.Equal(t, Request{
		Time: log[0].Time, Source: "127.0.0.1", Method: http.MethodHead,
		Host: s.Hosts()[shop], Path: "/c/wool?page=2", Target: "/c/wool?page=2", Status: 200,
		Agent: "looker/2.0",
	}, log[0])
	require.Equal(t, http.StatusNotFound, log[1].Status)
	require.Equal(t, s.JournalURL("/lost/"), log[1].URL())

	require.NoError(t, s.Stop(t.Context()))
	var decoded []Request
	for scan := bufio.NewScanner(&lines); scan.Scan(); {
		var r Request
		require.NoError(t, json.Unmarshal(scan.Bytes(), &r))
		decoded = append(decoded, r)
	}
	require.Len(t, decoded, 2)
	require.True(t, decoded[0].Time.Equal(log[0].Time))
	require.Equal(t, log[1].URL(), decoded[1].URL())
}

func TestAccessLog_KnowsTheSourceAddress(t *testing.T) {
	t.Parallel()
	s := started(t, quick())
	from := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 9)}
	want := []string{"127.0.0.1", "127.0.0.9"}
	if l, err := net.Listen("tcp", "127.0.0.9:0"); err != nil {
		// One loopback address only: there is nothing else to come from.
		from.IP, want = net.IPv4(127, 0, 0, 1), []string{"127.0.0.1"}
	} else {
		require.NoError(t, l.Close())
	}
	transport := &http.Transport{DialContext: (&net.Dialer{LocalAddr: from}).DialContext}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Get(s.URL())
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	fetch(t, s.URL())
	require.Equal(t, want, s.Sources())
}

func TestAccessLog_AbortedRequestIsThere(t *testing.T) {
	t.Parallel()
	s := started(t, Options{SlowDelay: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.ShopURL(SlowPath), nil)
	require.NoError(t, err)
	_, err = newNaive(t, nil, "", 0).client.Do(req)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Eventually(t, func() bool { return s.Count(SlowPath) == 1 }, patience, time.Millisecond)
	require.Equal(t, StatusClientGone, s.Log()[0].Status)
}

func TestAccessLog_IsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	var lines bytes.Buffer
	log := NewAccessLog(&lines)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				log.add(Request{Path: "/p", Source: "s"})
				log.Count("/p")
				log.Sources()
			}
		})
	}
	wg.Wait()
	require.Equal(t, 400, log.Count("/p"))
	require.Len(t, log.Log(), 400)
	require.Equal(t, 400, strings.Count(lines.String(), "\n"))
}

func TestAccessLog_ReportsAFullDisk(t *testing.T) {
	t.Parallel()
	log := NewAccessLog(fullDisk{})
	log.add(Request{Path: "/p"})
	log.add(Request{Path: "/p"})
	require.ErrorIs(t, log.Err(), errFull)
	require.Equal(t, 2, log.Count("/p"))
}

var errFull = errors.New("disk is full")

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }
