package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"

	uiserver "github.com/temporalio/ui-server/v2/server"
	uiconfig "github.com/temporalio/ui-server/v2/server/config"
	uioptions "github.com/temporalio/ui-server/v2/server/server_options"
)

// newUI makes the Web UI: no news, no version check, no codec, no login.
func newUI(cfg Config, ports *portPlan) *uiserver.Server {
	return uiserver.NewServer(uioptions.WithConfigProvider(&uiconfig.Config{
		Host:                bracketed(cfg.loopback()),
		Port:                ports.ui,
		TemporalGRPCAddress: netip.AddrPortFrom(cfg.IP, uint16(ports.frontend)).String(),
		EnableUI:            true,
		DefaultNamespace:    cfg.Namespace,
		DisableNewsFetch:    true,
		HideLogs:            true,
		// Plain HTTP on loopback: a browser would not send a secure cookie back.
		CORS: uiconfig.CORS{CookieInsecure: true},
	}))
}

func (s *server) uiURL() string {
	if s.ui == nil {
		return ""
	}
	return "http://" + netip.AddrPortFrom(s.cfg.loopback(), uint16(s.ports.ui)).String()
}

func (s *server) awaitUI(ctx context.Context) error {
	if s.ui == nil {
		return nil
	}
	return poll(ctx, func() error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.uiURL()+"/healthz", nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK {
			err = fmt.Errorf("%s answers %s", req.URL, resp.Status)
		}
		return errors.Join(err, resp.Body.Close())
	})
}

// bracketed is how an address is written before a colon and a port.
func bracketed(ip netip.Addr) string {
	if ip.Is6() {
		return "[" + ip.String() + "]"
	}
	return ip.String()
}
