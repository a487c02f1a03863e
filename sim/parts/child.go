package parts

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// Child is a part's own side: what it was told, and how it tells.
type Child struct {
	ctx      context.Context
	opening  opening
	out      *outbox
	commands chan command

	mu        sync.Mutex
	listening []string // name=address
	handlers  map[string]Handler
	told      bool // everybody's addresses
	table     chan map[string]string
}

// Handler does what a command asks for. Its context ends when the child is to end.
type Handler func(ctx context.Context, with json.RawMessage) error

var _ origin.Recorder = (*Child)(nil)

// stopWithin is how long a child may go on after it was to end. A variable for the tests.
var stopWithin = 10 * time.Second

// Main is the life of a child process. It calls run, whose context ends when the child is to end, and sends what has
// been recorded when run returns. The caller says what the error was and ends the process.
func Main(run func(ctx context.Context, c *Child) error) error {
	history := os.NewFile(3, "history")
	if info, err := history.Stat(); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		return errors.New("a part is started by a run, and not by hand")
	}
	in := bufio.NewReaderSize(os.Stdin, maxLine)
	line, err := in.ReadSlice('\n')
	if err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c := &Child{ctx: ctx, commands: make(chan command, maxCommands), handlers: map[string]Handler{},
		table: make(chan map[string]string, 1)}
	if err := json.Unmarshal(line, &c.opening); err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	c.handlers[doConnect], c.handlers[doPing] = c.connect, func(context.Context, json.RawMessage) error { return nil }
	c.out = newOutbox(history)
	go c.hear(in, cancel)
	go c.obey()
	context.AfterFunc(ctx, func() {
		time.AfterFunc(stopWithin, func() { os.Exit(1) }) // whoever is left is stuck, and nobody may be there to end us
	})
	err = run(ctx, c)
	cancel()
	c.out.close()
	return err
}

// hear reads commands until stdin ends, and with it the child.
func (c *Child) hear(in *bufio.Reader, end context.CancelFunc) {
	defer end()
	defer close(c.commands)
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return
		}
		var next command
		if err := json.Unmarshal(line, &next); err != nil {
			fmt.Fprintln(os.Stderr, "not a command:", err)
			return
		}
		select {
		case c.commands <- next:
		default:
			c.out.answer(answer{next.ID, fmt.Sprintf("%d commands wait already", maxCommands)})
		}
	}
}

// obey does one command after the other.
func (c *Child) obey() {
	for next := range c.commands {
		c.mu.Lock()
		do, ok := c.handlers[next.Do]
		c.mu.Unlock()
		a := answer{ID: next.ID}
		if !ok {
			a.Error = fmt.Sprintf("unknown command %q", next.Do)
		} else if err := do(c.ctx, next.With); err != nil {
			a.Error = err.Error()
		}
		c.out.answer(a)
	}
}

func (c *Child) connect(_ context.Context, with json.RawMessage) error {
	var table map[string]string
	if err := json.Unmarshal(with, &table); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.told {
		return errors.New("connected already")
	}
	c.told = true
	c.table <- table // has room for it
	return nil
}

// Config reads the configuration that the parent gave; keys that v does not have are errors.
func (c *Child) Config(v any) error {
	in := json.NewDecoder(bytes.NewReader(c.opening.Config))
	in.DisallowUnknownFields()
	if err := in.Decode(v); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	return nil
}

// Handle says what to do when the parent gives a command; call it before Ready.
func (c *Child) Handle(name string, h Handler) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.handlers[name] = h
}

// Counters says where to read how often what has happened, by name; the parent has what it says at the latest 50 ms
// after it changes, and when a command is answered.
func (c *Child) Counters(read func() map[string]int64) {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	c.out.counts = read
}

// Record implements origin.Recorder. It never waits for the parent.
func (c *Child) Record(r origin.Record) { c.out.record(message{Record: &r}) }

// portPatience is for how long a child tries to get back a port that it had before: for a moment it can be the near end
// of somebody's connection.
const portPatience = 5 * time.Second

// Listen opens a listener on loopback: where it was before, when the child has been restarted. Ready tells its address.
func (c *Child) Listen(name string) (net.Listener, error) {
	address, again := c.opening.Addresses[name]
	if !again {
		address = "127.0.0.1:0"
	}
	ln, err := net.Listen("tcp", address)
	for last := time.Now().Add(portPatience); errors.Is(err, syscall.EADDRINUSE) && time.Now().Before(last) && c.ctx.Err() == nil; {
		time.Sleep(50 * time.Millisecond)
		ln, err = net.Listen("tcp", address)
	}
	if err != nil {
		return nil, fmt.Errorf("listen for %s: %w", name, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.listening = append(c.listening, name+"="+ln.Addr().String())
	return ln, nil
}

// Again says that the part was there before, and has been started once more.
func (c *Child) Again() bool { return len(c.opening.Addresses) > 0 }

// Ready tells the parent where the child listens, and waits for everybody's addresses. Connected is to be called next.
func (c *Child) Ready() (table map[string]string, err error) {
	c.mu.Lock()
	for _, l := range c.listening {
		fmt.Println(l)
	}
	c.mu.Unlock()
	fmt.Println(saysReady)
	select {
	case table = <-c.table:
		return table, nil
	case <-c.ctx.Done():
		return nil, c.ctx.Err()
	}
}

// Connected tells the parent that the child can be used.
func (c *Child) Connected() { fmt.Println(saysConnected) }
