package parts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/liveorigin/liveorigin/origin"
)

// asChild makes this test's own binary a child, and asRole says what the child of a child does.
const (
	asChild = "LIVEORIGIN_TEST_CHILD"
	asRole  = "LIVEORIGIN_TEST_ROLE"
)

func TestMain(m *testing.M) {
	switch os.Getenv(asChild) {
	case "":
		goleak.VerifyTestMain(m)
	case "part":
		if err := Main(play); err != nil {
			fmt.Fprintln(os.Stderr, "it ended:", err)
			os.Exit(3)
		}
	case "parent":
		beParent(os.Getenv(asRole))
	}
}

// role is the configuration of a child in these tests.
type role struct {
	Do      string
	Records int
}

// play is a child that does what its role says.
func play(ctx context.Context, c *Child) error {
	var r role
	if err := c.Config(&r); err != nil {
		return err
	}
	switch r.Do {
	case "die":
		fmt.Fprintln(os.Stderr, "first line\nno such database")
		return errors.New("cannot go on")
	case "mute":
		fmt.Fprintln(os.Stderr, "waiting for what never comes")
		<-ctx.Done()
		return nil
	case "stubborn":
		fmt.Fprintln(os.Stderr, "not yet")
		defer stay()
	case "deaf":
		stopWithin = time.Hour
		ctx = context.WithoutCancel(ctx)
	case "chatty":
		fmt.Println("level=info msg=\"a stray line\"", strings.Repeat("x", 100))
		fmt.Fprintln(os.Stderr, strings.Repeat("noise\n", maxLog/3))
	}
	return serve(ctx, c, r)
}

func stay() { time.Sleep(time.Hour) }

// serve listens, connects, records, and obeys until it is to end.
func serve(ctx context.Context, c *Child, r role) error {
	ln, err := c.Listen("web")
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, os.Getpid()) })}
	go func() { _ = srv.Serve(ln) }()
	defer srv.Close()
	var struck atomic.Int64
	c.Counters(func() map[string]int64 { return map[string]int64{"strike-1": struck.Load()} })
	c.Handle("strike", func(_ context.Context, with json.RawMessage) error {
		var id string
		if err := json.Unmarshal(with, &id); err != nil || id != "strike-1" {
			return fmt.Errorf("no fault %s", with)
		}
		struck.Add(1)
		c.Record(origin.Record{Kind: origin.KindFault, Name: id})
		return nil
	})
	c.Handle("record", func(_ context.Context, with json.RawMessage) error {
		var n int
		_ = json.Unmarshal(with, &n)
		for i := range n {
			c.Record(origin.Record{Kind: origin.KindDecision, Number: origin.SegmentNumber(i)})
		}
		return nil
	})
	c.Handle("flood", func(context.Context, json.RawMessage) error {
		go func() {
			for i := 0; ; i++ {
				c.Record(origin.Record{Kind: origin.KindDecision, Number: origin.SegmentNumber(i), Error: strings.Repeat("x", i%500)})
			}
		}()
		return nil
	})
	table, err := c.Ready()
	if err != nil {
		return nil // to end before it began is no error
	}
	c.Record(origin.Record{Kind: origin.KindRun, Name: table["hello"], Step: fmt.Sprint(c.Again())})
	c.Connected()
	<-ctx.Done()
	for i := range r.Records {
		c.Record(origin.Record{Kind: origin.KindDecision, Number: origin.SegmentNumber(i)})
	}
	return nil
}

// beParent starts a part, tells where it is, and then does nothing until it is killed.
func beParent(do string) {
	p, err := Start(context.Background(), spec("grandchild", role{Do: do}), Sink{Record: func(origin.Record) {}})
	if err != nil {
		fmt.Println(err)
		os.Exit(3)
	}
	if err := p.Connect(context.Background(), nil); err != nil {
		fmt.Println(err)
		os.Exit(3)
	}
	fmt.Println(p.Addresses()["web"])
	stay()
}

// spec is of a child that is this test's own binary.
func spec(name string, r role) Spec {
	return Spec{Name: name, Env: []string{asChild + "=part", "GORACE=atexit_sleep_ms=0"}, Config: r}
}

// ask asks a child's server which process it is; 0 when nobody answers.
func ask(t *testing.T, address string) (pid int) {
	t.Helper()
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + address)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	_, _ = fmt.Sscan(string(b), &pid)
	return pid
}

// refused says whether nothing listens there any more.
func refused(address string) bool {
	conn, err := net.Dial("tcp", address)
	if err == nil {
		conn.Close()
	}
	return err != nil
}
