package parts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// sendWithin is how long a line may take to be written when the caller gives no shorter deadline: a process that is
// paused reads nothing, and the pipe has room for a while only.
const sendWithin = 5 * time.Second

// command gives the process a command and waits for the answer.
func (l *life) command(ctx context.Context, name string, with any) error {
	c := command{Do: name}
	var err error
	if c.With, err = json.Marshal(with); err != nil {
		return err
	}
	answered := make(chan answer, 1)
	l.mu.Lock()
	l.next++
	c.ID = l.next
	l.waiting[c.ID] = answered
	l.mu.Unlock()
	defer l.forget(c.ID)
	line, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if err := l.send(ctx, line); errors.Is(err, os.ErrClosed) || errors.Is(err, syscall.EPIPE) {
		return errDied
	} else if err != nil {
		return err
	}
	select {
	case a := <-answered:
		if a.Error != "" {
			return errors.New(a.Error)
		}
		return nil
	case <-l.done:
		return errDied
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *life) forget(id uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.waiting, id)
}

// send writes a line. After half of one nothing that follows could be understood, so that the process is asked to end.
func (l *life) send(ctx context.Context, line []byte) error {
	if len(line) >= maxLine {
		return fmt.Errorf("a line of %d bytes is too long", len(line))
	}
	l.write.Lock()
	defer l.write.Unlock()
	until := time.Now().Add(sendWithin)
	if d, ok := ctx.Deadline(); ok && d.Before(until) {
		until = d
	}
	_ = l.in.SetWriteDeadline(until)
	n, err := l.in.Write(append(line, '\n'))
	if err != nil && n > 0 {
		_ = l.in.Close()
	}
	return err
}
