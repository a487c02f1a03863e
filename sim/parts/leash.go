package parts

import "os/exec"

// Leashed is a child process that ends with us, however we end, where the kernel can do that.
type Leashed struct {
	done chan struct{}
	err  error
}

// Leash starts a command in a process group of its own, so that a Ctrl-C reaches only us and we stop it in order, and
// waits for it. Where the kernel can, it ends the child should we die without having done so.
func Leash(cmd *exec.Cmd) (*Leashed, error) {
	isolate(cmd)
	l := &Leashed{done: make(chan struct{})}
	started := make(chan error)
	go l.hold(cmd, started)
	return l, <-started
}

// hold starts the child and stays with it, on one thread: the kernel ends the child with the thread that made it.
func (l *Leashed) hold(cmd *exec.Cmd, started chan<- error) {
	defer lockThread()()
	defer close(l.done)
	err := cmd.Start()
	started <- err
	if err == nil {
		l.err = cmd.Wait()
	}
}

// Done is closed when the child has ended.
func (l *Leashed) Done() <-chan struct{} { return l.done }

// Err is what the child ended with, as of exec.Cmd's Wait; only after Done.
func (l *Leashed) Err() error { return l.err }
