package sim

import (
	"os/exec"
	"runtime"
	"syscall"
)

// isolate puts the child into a process group of its own, so that a Ctrl-C reaches only us and we stop it in order, and
// asks the kernel to end it should we die without having done so.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// lockThread keeps the calling goroutine on its thread, with whose end Pdeathsig would strike.
func lockThread() (unlock func()) {
	runtime.LockOSThread()
	return runtime.UnlockOSThread
}
