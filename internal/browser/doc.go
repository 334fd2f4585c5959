// Package browser drives a headless Chromium for tests and for the pictures of the docs:
// pages with cookies of their own, keys as a person presses them, the accessibility tree,
// screenshots, and everything that the browser complains of. It speaks the DevTools
// protocol over a pipe, so that no port is open and the browser ends with the program
// that started it.
//
// It knows nothing of what it looks at. Used by the tests of internal/web and internal/e2e
// and by internal/screenshots.
package browser
