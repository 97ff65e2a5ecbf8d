//go:build !linux

package servers

import "syscall"

// attributes has no parent-death signal to ask for outside Linux.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
