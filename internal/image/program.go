package image

import (
	"debug/elf"
	"fmt"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// architecture reads for which machine a program is, and refuses one that cannot run
// where there is nothing but itself.
func architecture(program string) (string, error) {
	f, err := elf.Open(program)
	if err != nil {
		return "", fleet.Invalid("program", fmt.Sprintf("%s is no program for Linux: %v", program, err),
			"one that was built with GOOS=linux CGO_ENABLED=0").Because(err)
	}
	defer func() { _ = f.Close() }() // it was only read
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return "", fleet.Invalid("program", program+" needs a dynamic linker",
				"one that was built with CGO_ENABLED=0")
		}
	}
	switch f.Machine {
	case elf.EM_X86_64:
		return "amd64", nil
	case elf.EM_AARCH64:
		return "arm64", nil
	default:
		return "", fleet.Invalid("program", fmt.Sprintf("%s is for %s", program, f.Machine), "amd64 or arm64")
	}
}
