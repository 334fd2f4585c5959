package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
)

// Engine is where images go.
type Engine interface {
	ImageLoad(ctx context.Context, from io.Reader, o ...client.ImageLoadOption) (client.ImageLoadResult, error)
	ImageInspect(ctx context.Context, ref string, o ...client.ImageInspectOption) (client.ImageInspectResult, error)
}

// Missing reports whether the engine does not have an image.
func Missing(ctx context.Context, e Engine, ref string) (bool, error) {
	_, err := e.ImageInspect(ctx, ref)
	if errdefs.IsNotFound(err) {
		return true, nil
	}
	return false, err
}

// Load gives an engine the image.
func (i Image) Load(ctx context.Context, e Engine) (r Report, err error) {
	from, to := io.Pipe()
	written := make(chan error, 1)
	go func() {
		var err error
		r, err = i.Write(to)
		to.CloseWithError(err) // never fails
		written <- err
	}()
	answer, err := e.ImageLoad(ctx, from, client.ImageLoadWithQuiet(true))
	if err == nil {
		err = errors.Join(loaded(answer), answer.Close())
	}
	from.CloseWithError(errors.Join(err, io.ErrClosedPipe)) // ends the writing, if it goes on
	if writing := <-written; writing != nil && !errors.Is(writing, io.ErrClosedPipe) {
		return r, writing
	}
	if err != nil {
		return r, fmt.Errorf("load image %s: %w", i.Ref, err)
	}
	return r, nil
}

// loaded reads the engine's answer, which is 200 also when the archive was refused.
func loaded(answer io.Reader) error {
	for d := json.NewDecoder(answer); ; {
		var m struct {
			Error string `json:"error"`
		}
		err := d.Decode(&m)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case m.Error != "":
			return errors.New(m.Error)
		}
	}
}
