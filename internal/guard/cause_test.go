package guard_test

import (
	"errors"
	"fmt"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/internal/guard"
)

func TestCause_DoesNotRepeatTheURL(t *testing.T) {
	t.Parallel()
	cause := errors.New("no route to host")
	err := fmt.Errorf("crawl: %w", &url.Error{Op: "Get", URL: "http://a.example/?token=1", Err: cause})
	require.Equal(t, cause, guard.Cause(err))
	require.Equal(t, cause, guard.Cause(cause))
}
