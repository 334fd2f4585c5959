package gateway

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

const (
	// authorityLasts is longer than any fleet; its crawlers are given it at their launch, so
	// that another one is as good from the next launch on.
	authorityLasts = 10 * 365 * 24 * time.Hour
	// serverLasts is short, because nobody has to do anything for the next one.
	serverLasts = 30 * 24 * time.Hour
	// backdated is how far a crawler's clock may be behind.
	backdated = time.Hour
)

// Authority signs the gateway's certificates; crawlers are given its own to check them by.
type Authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// NewAuthority makes the authority of a fleet, as PEM: its certificate, then its key.
func NewAuthority(id fleet.FleetID, now time.Time) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the gateway's authority: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "crawlfleet " + string(id)},
		NotBefore: now.Add(-backdated), NotAfter: now.Add(authorityLasts),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make the gateway's authority: %w", err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("make the gateway's authority: %w", err)
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})...), nil
}

// ReadAuthority reads what NewAuthority made.
func ReadAuthority(text []byte) (*Authority, error) {
	cert, rest := pem.Decode(text)
	key, _ := pem.Decode(rest)
	if cert == nil || key == nil {
		return nil, errors.New("the gateway's authority is not a certificate and a key")
	}
	parsed, err := x509.ParseCertificate(cert.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read the gateway's authority: %w", err)
	}
	secret, err := x509.ParsePKCS8PrivateKey(key.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read the gateway's authority: %w", err)
	}
	private, ok := secret.(*ecdsa.PrivateKey)
	if !ok || !private.PublicKey.Equal(parsed.PublicKey) {
		return nil, errors.New("the gateway's authority has the key of another")
	}
	return &Authority{cert: parsed, key: private}, nil
}

// PEM is the authority's certificate: what crawlers are given.
func (a *Authority) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// Until is when its certificate ends, and with it those that it has signed.
func (a *Authority) Until() time.Time { return a.cert.NotAfter }

// issue makes a certificate for a server of these names and addresses.
func (a *Authority) issue(names []string, now time.Time) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the gateway's certificate: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "crawlfleet gateway"},
		NotBefore: now.Add(-backdated), NotAfter: now.Add(serverLasts),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else if name != "" {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, fmt.Errorf("make the gateway's certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	return &tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: key, Leaf: leaf}, err
}

// serial is random, as the rules for authorities want it.
func serial() *big.Int {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[0] &= 0x7f           // positive
	return new(big.Int).SetBytes(b[:])
}
