//go:build !linux

package sim

import (
	"os/exec"
	"syscall"
)

// isolate puts the child into a process group of its own, so that a Ctrl-C reaches only us and we stop it in order.
func isolate(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func lockThread() (unlock func()) { return func() {} }
