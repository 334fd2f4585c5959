// Package image makes container images of our static programs, FROM scratch: the program,
// the certificate authorities and, for those that keep data, an empty directory. It writes
// the archive that docker load and its like read, so that neither a builder nor a base
// image is needed, and the same programs give the same image.
//
// The authorities are those of the machine that builds: what its administrator trusts, an
// own authority included, kept up to date by its system and seen by image scanners.
//
// It leaves to others where the programs come from, and to which registry images go. Used
// by its command (make images), the demo and the tests.
package image
