package guard

import "errors"

// Cause is the innermost of an error's causes: those around it repeat the URL that was
// asked for, which is the tenant's business.
func Cause(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}
