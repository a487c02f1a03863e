package parts

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// life is one process of a part.
type life struct {
	cmd       *exec.Cmd
	sink      Sink
	log       *partLog
	leash     *Leashed
	ready     chan struct{}
	connected chan struct{}
	done      chan struct{} // closed when it is dead, and all that it sent has been read

	write sync.Mutex // held by who writes a command
	in    *os.File

	mu        sync.Mutex
	addresses map[string]string
	next      uint64                   // number of the next command
	waiting   map[uint64]chan<- answer // for answers
	counts    map[string]int64
	records   int64
	lost      Losses
	end       *ending
	wanted    bool // that it ends
}

// startLife starts a process; from then on its life goes on until done.
func startLife(spec Spec, sink Sink, o opening) (*life, error) {
	first, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	if len(first) >= maxLine {
		return nil, fmt.Errorf("a configuration of %d bytes is too long", len(first))
	}
	log, err := openLog(spec.Log)
	if err != nil {
		return nil, err
	}
	l := &life{sink: sink, log: log, ready: make(chan struct{}), connected: make(chan struct{}), done: make(chan struct{}),
		addresses: map[string]string{}, waiting: map[uint64]chan<- answer{}, cmd: exec.Command(spec.Exe, spec.Args...)}
	l.cmd.Env = append(os.Environ(), spec.Env...)
	l.cmd.Stdout, l.cmd.Stderr = &lineWriter{line: l.hear}, log
	l.cmd.WaitDelay = time.Second // for descendants that keep stdout open
	history, err := l.launch()
	if err != nil {
		log.close()
		return nil, err
	}
	go l.follow(history)
	if l.send(context.Background(), first) != nil {
		_ = l.in.Close() // it ends for want of a configuration, or has ended; who waits for it hears why
	}
	return l, nil
}

// launch starts the process with its pipes, and returns our end of the one that its history comes through.
func (l *life) launch() (history *os.File, err error) {
	stdin, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer stdin.Close()
	history, out, err := os.Pipe()
	if err != nil {
		in.Close()
		return nil, err
	}
	defer out.Close()
	l.in, l.cmd.Stdin, l.cmd.ExtraFiles = in, stdin, []*os.File{out}
	if l.leash, err = Leash(l.cmd); err != nil {
		in.Close()
		history.Close()
		return nil, err
	}
	return history, nil
}

// drainWithin is how long reading may go on when a process is dead: for a slow Sink to take what is left, and no longer
// where a descendant keeps the pipe open.
const drainWithin = 10 * time.Second

// follow reads what the process sends until it is dead.
func (l *life) follow(history *os.File) {
	read := make(chan struct{})
	go func() {
		defer close(read)
		l.read(bufio.NewReaderSize(history, maxLine))
	}()
	<-l.leash.Done()
	_ = history.SetReadDeadline(time.Now().Add(drainWithin))
	<-read
	history.Close()
	l.in.Close()
	l.log.close()
	l.mu.Lock()
	if l.end == nil {
		l.lost.Deaths++
	} else {
		l.lost.Dropped += l.end.Dropped
		l.lost.Missing += l.end.Records - l.records
	}
	l.mu.Unlock()
	close(l.done)
}

func (l *life) listening() map[string]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.addresses)
}

// await waits until something has happened, or cannot any more.
func (l *life) await(ctx context.Context, what <-chan struct{}) error {
	select {
	case <-what:
		return nil
	case <-l.done:
		if err := l.ended(); err != nil {
			return err
		}
		return errDied
	case <-ctx.Done():
		return fmt.Errorf("%w; it said: %q", ctx.Err(), l.log.last())
	}
}

// ended says how a life ended that is over: nil when it did in order.
func (l *life) ended() error {
	if err := l.leash.Err(); err != nil {
		return fmt.Errorf("%w; it said: %q", err, l.log.last())
	}
	return nil
}

func (l *life) alive() bool { return !isClosed(l.done) }

func (l *life) wait() { <-l.done }

func (l *life) signal(s syscall.Signal) error {
	if !l.alive() {
		return os.ErrProcessDone
	}
	return l.cmd.Process.Signal(s)
}

func (l *life) kill() {
	l.mu.Lock()
	l.wanted = true
	l.mu.Unlock()
	_ = l.cmd.Process.Kill() // fails only when it is dead
	<-l.done
}

// stop asks the process to end, and ends it when it does not. One that was killed has nothing to say.
func (l *life) stop(ctx context.Context, grace time.Duration) error {
	l.mu.Lock()
	wanted := l.wanted
	l.wanted = true
	l.mu.Unlock()
	_ = l.in.Close()
	_ = l.signal(syscall.SIGCONT) // it may be paused
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-l.done:
	case <-timer.C:
	case <-ctx.Done():
	}
	if l.alive() {
		l.kill()
		return fmt.Errorf("it did not end in time and was killed; it said: %q", l.log.last())
	}
	if wanted {
		return nil
	}
	return l.ended()
}

func (l *life) count(name string) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counts[name]
}

func (l *life) losses() Losses {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost
}
