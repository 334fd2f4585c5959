//go:build unix

package pgtest

import (
	"errors"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// other is the user that the server runs as where the tests run as root; false where
// they do not.
func other() (uid, gid int, is bool) {
	if os.Geteuid() != 0 {
		return 0, 0, false
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.Atoi(u.Uid)
		if err != nil {
			continue
		}
		if gid, err := strconv.Atoi(u.Gid); err == nil {
			return uid, gid, true
		}
	}
	return 0, 0, false // initdb will say that root may not
}

func asUser() *syscall.SysProcAttr {
	uid, gid, is := other()
	if !is {
		return nil
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}

func giveAway(paths ...string) error {
	uid, gid, is := other()
	if !is {
		return nil
	}
	var err error
	for _, p := range paths {
		err = errors.Join(err, os.Chown(p, uid, gid))
	}
	return err
}
