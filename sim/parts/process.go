package parts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// Spec says what to start.
type Spec struct {
	Name string   // for errors
	Exe  string   // empty: this program
	Args []string // what makes it a part, such as the name of a hidden verb
	Env  []string // more of it, besides ours
	// Config is what Child.Config reads, as JSON.
	Config any
	// Log is a file that gets what the part says on stderr, of all its lives; none when empty.
	Log string
	// Grace is how long the part may take to stop in order; 7 s when zero.
	Grace time.Duration
}

// Sink is where a part's history goes.
type Sink struct {
	// Record gets the records of one part in order; those of several parts come at once.
	Record func(origin.Record)
}

// Process is a part, over all its lives: it can be killed and started again. Its methods may be called at once.
type Process struct {
	spec    Spec
	sink    Sink
	opening json.RawMessage // the configuration

	turn sync.Mutex // of those who start and end it

	mu        sync.Mutex
	lives     []*life // the last one is the present
	addresses map[string]string
	table     map[string]string
}

// Start starts a part and waits until it is ready. When ctx ends before that, or the part does, there is no part, and
// the error has the last that it said.
func Start(ctx context.Context, spec Spec, sink Sink) (*Process, error) {
	config, err := json.Marshal(spec.Config)
	if err != nil {
		return nil, fmt.Errorf("part %s: configuration: %w", spec.Name, err)
	}
	if spec.Exe == "" {
		if spec.Exe, err = os.Executable(); err != nil {
			return nil, err
		}
	}
	if spec.Grace == 0 {
		spec.Grace = 7 * time.Second
	}
	p := &Process{spec: spec, sink: sink, opening: config}
	if err := p.live(ctx); err != nil {
		return nil, err
	}
	return p, nil
}

// live starts a life and waits until it is ready; p.turn is held, or nobody else has p yet.
func (p *Process) live(ctx context.Context) error {
	l, err := startLife(p.spec, p.sink, opening{p.opening, p.Addresses()})
	if err != nil {
		return fmt.Errorf("start part %s: %w", p.spec.Name, err)
	}
	p.mu.Lock()
	p.lives = append(p.lives, l)
	p.mu.Unlock()
	if err := l.await(ctx, l.ready); err != nil {
		l.kill()
		return fmt.Errorf("start part %s: %w", p.spec.Name, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.addresses = l.listening()
	return nil
}

func (p *Process) present() *life {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lives[len(p.lives)-1]
}

// Addresses are where the part listens, by the names that it gave its listeners. They stay the same over all its lives.
func (p *Process) Addresses() map[string]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.addresses)
}

// Table is everybody's addresses: the listeners of all parts, by part/listener.
func Table(all ...*Process) map[string]string {
	table := map[string]string{}
	for _, p := range all {
		for name, address := range p.Addresses() {
			table[p.spec.Name+"/"+name] = address
		}
	}
	return table
}

// Connect tells the part everybody's addresses, and waits until it has connected to whom it needs.
func (p *Process) Connect(ctx context.Context, table map[string]string) error {
	p.mu.Lock()
	p.table = table
	p.mu.Unlock()
	return p.connect(ctx, p.present(), table)
}

// Leave leaves word for the part, which finds it in its table when it starts again.
func (p *Process) Leave(key, word string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	table := maps.Clone(p.table)
	if table == nil {
		table = map[string]string{}
	}
	table[key] = word
	p.table = table
}

func (p *Process) connect(ctx context.Context, l *life, table map[string]string) error {
	err := l.command(ctx, doConnect, table)
	if err == nil {
		err = l.await(ctx, l.connected)
	}
	if err != nil {
		return fmt.Errorf("connect part %s: %w", p.spec.Name, err)
	}
	return nil
}

// Command gives the part a command and waits until it is done. Commands are done one after the other.
func (p *Process) Command(ctx context.Context, name string, with any) error {
	if err := p.present().command(ctx, name, with); err != nil {
		return fmt.Errorf("part %s: %s: %w", p.spec.Name, name, err)
	}
	return nil
}

// Ping returns how long the part took to answer. When it has, all that it recorded before is with the Sink.
func (p *Process) Ping(ctx context.Context) (time.Duration, error) {
	asked := time.Now()
	err := p.Command(ctx, doPing, nil)
	return time.Since(asked), err
}

// Kill ends the part at once, as a power cut would, and returns when it is dead.
func (p *Process) Kill() { p.present().kill() }

// Pause stops the part where it is, as if its machine had frozen, until Continue. It returns when nothing of it runs.
func (p *Process) Pause() error {
	l := p.present()
	if err := l.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	for last := time.Now().Add(time.Second); l.alive() && !stopped(l.cmd.Process.Pid); time.Sleep(time.Millisecond) {
		if time.Now().After(last) {
			return fmt.Errorf("part %s: it does not stop", p.spec.Name)
		}
	}
	return nil
}

// Continue ends a Pause.
func (p *Process) Continue() error { return p.present().signal(syscall.SIGCONT) }

// Restart starts the part again, at the same addresses, and connects it as it was. One that is alive is stopped first.
func (p *Process) Restart(ctx context.Context) error {
	p.turn.Lock()
	defer p.turn.Unlock()
	before := p.present()
	if before.alive() {
		if err := before.stop(ctx, p.spec.Grace); err != nil {
			return fmt.Errorf("stop part %s: %w", p.spec.Name, err)
		}
	}
	before.wait()
	if err := p.live(ctx); err != nil {
		return err
	}
	p.mu.Lock()
	table := p.table
	p.mu.Unlock()
	if table == nil {
		return nil
	}
	return p.connect(ctx, p.present(), table)
}

// Stop ends the part in order, and at once when it takes longer than its Grace, or when ctx ends. It returns when the
// part is dead and all that it sent is with the Sink. An error says that it did not end well; a part that had been
// killed before is none.
func (p *Process) Stop(ctx context.Context) error {
	p.turn.Lock()
	defer p.turn.Unlock()
	if err := p.present().stop(ctx, p.spec.Grace); err != nil {
		return fmt.Errorf("stop part %s: %w", p.spec.Name, err)
	}
	return nil
}

// Alive says whether the part's process is there, be it paused.
func (p *Process) Alive() bool { return p.present().alive() }

// Done is closed when the present life of the part has ended; Err says how.
func (p *Process) Done() <-chan struct{} { return p.present().done }

// Err is how the part's last life ended: nil while it lives, and when it ended in order.
func (p *Process) Err() error {
	l := p.present()
	if l.alive() {
		return nil
	}
	return l.ended()
}

// Count is how often something has happened in all the part's lives; see Child.Counters.
func (p *Process) Count(name string) (n int64) {
	for _, l := range p.all() {
		n += l.count(name)
	}
	return n
}

// Losses are what a part recorded, or may have, that did not reach the Sink.
type Losses struct {
	Cut     int64 // lines that ended in the middle, or made no sense
	Dropped int64 // records that the part had no room for, since we did not read
	Missing int64 // records that a part which ended in order sent, and that did not come
	Deaths  int64 // lives that ended without saying how many records there were: up to 50 ms of each are not here
}

// Losses adds up over all the part's lives.
func (p *Process) Losses() (sum Losses) {
	for _, l := range p.all() {
		one := l.losses()
		sum.Cut += one.Cut
		sum.Dropped += one.Dropped
		sum.Missing += one.Missing
		sum.Deaths += one.Deaths
	}
	return sum
}

func (p *Process) all() []*life {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lives[:len(p.lives):len(p.lives)]
}

// errDied is what those get who ask a part that is dead, or about to be.
var errDied = errors.New("it has ended")
