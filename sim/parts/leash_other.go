//go:build !linux

package parts

import (
	"os/exec"
	"syscall"
)

func isolate(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func lockThread() (unlock func()) { return func() {} }

// stopped cannot be told here; the signal has been sent.
func stopped(int) bool { return true }
