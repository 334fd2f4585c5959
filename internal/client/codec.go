package client

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/proto"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// The metadata of an encrypted payload. They are wire values.
const (
	encodingEncrypted = "binary/encrypted"
	metadataKeyID     = "encryption-key-id"
	metadataCipher    = "encryption-cipher"
	cipherAESGCM      = "AES-256-GCM"
)

// Key is one key of the payload codec.
type Key struct {
	ID     string
	Secret []byte // 32 bytes
}

// DataConverter is the one that every client and worker of a fleet uses: JSON, and
// with keys encrypted by the first of them. Payloads of any of the keys, and plain
// ones, are read.
func DataConverter(keys []Key) (converter.DataConverter, error) {
	plain := converter.GetDefaultDataConverter()
	if len(keys) == 0 {
		return plain, nil
	}
	codec, err := newCodec(keys)
	if err != nil {
		return nil, err
	}
	return converter.NewCodecDataConverter(plain, codec), nil
}

func newCodec(keys []Key) (*aesCodec, error) {
	codec := &aesCodec{first: keys[0].ID, ciphers: map[string]cipher.AEAD{}}
	for _, k := range keys {
		block, err := aes.NewCipher(k.Secret)
		if err != nil || len(k.Secret) != 32 {
			return nil, fleet.Invalid("codec.keys",
				fmt.Sprintf("key %q has %d bytes", k.ID, len(k.Secret)), "32 bytes")
		}
		if codec.ciphers[k.ID], err = cipher.NewGCM(block); err != nil {
			return nil, fmt.Errorf("make payload codec: %w", err)
		}
	}
	return codec, nil
}

// failureConverter hides message and stack of failures in an encrypted attribute.
func failureConverter(dc converter.DataConverter, encrypted bool) converter.FailureConverter {
	return temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{
		DataConverter: dc, EncodeCommonAttributes: encrypted,
	})
}

// aesCodec encrypts whole payloads, metadata included.
type aesCodec struct {
	first   string
	ciphers map[string]cipher.AEAD
}

// Encode encrypts with the first key.
func (c *aesCodec) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	out := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		b, err := proto.Marshal(p)
		if err != nil {
			return nil, fmt.Errorf("encrypt payload: %w", err)
		}
		aead := c.ciphers[c.first]
		nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(b)+aead.Overhead())
		_, _ = rand.Read(nonce) // never fails
		out[i] = &commonpb.Payload{
			Metadata: map[string][]byte{
				converter.MetadataEncoding: []byte(encodingEncrypted),
				metadataKeyID:              []byte(c.first),
				metadataCipher:             []byte(cipherAESGCM),
			},
			// The key id is authenticated: nobody can make us try another key.
			Data: aead.Seal(nonce, nonce, b, []byte(c.first)),
		}
	}
	return out, nil
}

// Decode decrypts what was encrypted and leaves the rest as it is.
func (c *aesCodec) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	out := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		if string(p.GetMetadata()[converter.MetadataEncoding]) != encodingEncrypted {
			out[i] = p
			continue
		}
		plain, err := c.open(p)
		if err != nil {
			return nil, fmt.Errorf("decrypt payload: %w", err)
		}
		out[i] = plain
	}
	return out, nil
}

func (c *aesCodec) open(p *commonpb.Payload) (*commonpb.Payload, error) {
	id := string(p.GetMetadata()[metadataKeyID])
	aead, ok := c.ciphers[id]
	if !ok {
		return nil, fmt.Errorf("no key %q among codec.keys", id)
	}
	data := p.GetData()
	if len(data) < aead.NonceSize() {
		return nil, fmt.Errorf("%d bytes are no encrypted payload", len(data))
	}
	b, err := aead.Open(nil, data[:aead.NonceSize()], data[aead.NonceSize():], []byte(id))
	if err != nil {
		return nil, err
	}
	plain := &commonpb.Payload{}
	if err := proto.Unmarshal(b, plain); err != nil {
		return nil, err
	}
	return plain, nil
}
