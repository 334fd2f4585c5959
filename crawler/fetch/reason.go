package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"syscall"

	"github.com/crawlfleet/crawlfleet/internal/guard"
)

// ErrEncoding says that a body's content encoding is unknown or broken.
var ErrEncoding = errors.New("content encoding")

// Reason puts an error of Get into a few words that do not differ from page to
// page, and says whether the same request may succeed later.
func Reason(err error) (reason string, passing bool) {
	var (
		blocked *guard.BlockedError
		dns     *net.DNSError
		timeout interface{ Timeout() bool }
		parse   *url.Error
	)
	switch {
	case errors.As(err, &blocked):
		return "ssrf: " + blocked.Error(), false
	case errors.As(err, &dns) && dns.IsNotFound:
		return "dns: no such host", false
	case errors.As(err, &dns):
		return "dns", true
	case errors.Is(err, errPort):
		return errPort.Error(), false
	case errors.Is(err, errIPv6):
		return errIPv6.Error(), false
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "timeout", true
	case errors.As(err, &parse) && parse.Op == "parse":
		return "url: " + shorten(guard.Cause(err).Error()), false
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused", true
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection reset", true
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection closed", true
	case errors.Is(err, ErrEncoding):
		return shorten(err.Error()), false
	case isTLS(err):
		return "tls: " + shorten(guard.Cause(err).Error()), false
	default:
		return "network: " + shorten(guard.Cause(err).Error()), true
	}
}

func isTLS(err error) bool {
	var (
		unverified *tls.CertificateVerificationError
		record     tls.RecordHeaderError
		alert      tls.AlertError
		authority  x509.UnknownAuthorityError
		name       x509.HostnameError
		invalid    x509.CertificateInvalidError
	)
	return errors.As(err, &unverified) || errors.As(err, &record) || errors.As(err, &alert) ||
		errors.As(err, &authority) || errors.As(err, &name) || errors.As(err, &invalid)
}

// shorten keeps a hostile server from filling a reason.
func shorten(s string) string {
	s = strings.ToValidUTF8(s, "?")
	if len(s) > 120 {
		s = strings.ToValidUTF8(s[:120], "") + "…"
	}
	return s
}
