package originhttp_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/originhttp"
)

// ask sends bytes and reads one answer.
func ask(t *testing.T, c net.Conn, in *bufio.Reader, request string) (status int, fields http.Header, body string) {
	t.Helper()
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatalf("%q: %v", request, err)
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(b)
}

// What is refused before net/http hears of it is answered as net/http would have answered it, field by field, on a connection
// that goes on.
func TestRefusalsAreTheSameEitherWay(t *testing.T) {
	node := speedNode(t, nil)
	ev, _ := node.Event("final")
	r := ev.Renditions[0].ID
	removed := speedEvent("removed")
	state := origin.State{Event: removed, Version: 3, Removed: true, Notices: []origin.Notice{{ID: "over", At: time.Unix(1, 0), Text: "it is over"}}}
	if err := node.Apply(state); err != nil {
		t.Fatal(err)
	}
	address := serve(t, delivery(node), originhttp.ForDelivery)
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	in := bufio.NewReader(c)
	for _, path := range []string{
		"/nobody/v/1.m4s", "/final/none/1.m4s", "/final/none/init.mp4", "/final/" + r + "/0.m4s", "/final/" + r + "/4000.m4s",
		"/final/" + r + "/4000.m4s?x=y", "/removed/" + r + "/5.m4s",
	} {
		// The field that makes the difference: with it a request is net/http's.
		quick, fields, body := ask(t, c, in, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
		slow, wantFields, wantBody := ask(t, c, in, "GET "+path+" HTTP/1.1\r\nHost: x\r\nPurpose: none\r\n\r\n")
		if quick != slow || body != wantBody || quick < 400 {
			t.Errorf("%s: %d %q, otherwise %d %q", path, quick, body, slow, wantBody)
		}
		for _, volatile := range []string{"Date", "Cache-Control"} { // they tell the time
			if fields.Get(volatile) == "" || wantFields.Get(volatile) == "" {
				t.Errorf("%s: no %s", path, volatile)
			}
			fields.Del(volatile)
			wantFields.Del(volatile)
		}
		if got, want := sorted(fields), sorted(wantFields); !slices.Equal(got, want) {
			t.Errorf("%s:\n%v\notherwise\n%v", path, got, want)
		}
	}
}

// What admission refuses to everyone is refused before net/http hears of it, and is the same refusal; where admission may yet
// let somebody in, the request is asked in earnest.
func TestOverloadIsTheSameEitherWay(t *testing.T) {
	for _, admission := range []origin.Admission{refusing{}, wavering{}} {
		var seen counted
		node := speedNode(t, func(c *origin.NodeConfig) { c.Admission, c.Observer = admission, &seen })
		ev, _ := node.Event("final")
		p := segmentOf(t, ev, ev.LiveEdge(time.Now()), 0)
		if r, err := node.Publish(t.Context(), p); err != nil || !r.Outcome.Accepted() {
			t.Fatal(r, err)
		}
		path := originhttp.Path{Event: ev.ID, Rendition: p.Key.Rendition, File: originhttp.SegmentFile, Number: p.Key.Number}
		c, err := net.Dial("tcp", serve(t, delivery(node), originhttp.ForDelivery))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		in := bufio.NewReader(c)
		quick, fields, body := ask(t, c, in, "GET "+path.String()+" HTTP/1.1\r\nHost: x\r\n\r\n")
		first := seen.take()
		slow, wantFields, wantBody := ask(t, c, in, "GET "+path.String()+" HTTP/1.1\r\nHost: x\r\nPurpose: none\r\n\r\n")
		fields.Del("Date")
		wantFields.Del("Date")
		if got, want := sorted(fields), sorted(wantFields); quick != 503 || quick != slow || body != wantBody || !slices.Equal(got, want) {
			t.Errorf("%T: %d %q\n%v\notherwise %d %q\n%v", admission, quick, body, got, slow, wantBody, want)
		}
		if want := seen.take(); first != want || want.answers != 1 {
			t.Errorf("%T: observed %+v, otherwise %+v", admission, first, want)
		}
	}
}

// wavering is an Admission that refuses, but cannot say so before.
type wavering struct{ refusing }

func (wavering) Refuses(origin.Ask) bool { return false }

// counted is an Observer that sums up what it is told.
type counted struct {
	mu sync.Mutex
	observed
}

type observed struct {
	answers, events, segments int
	last                      origin.Ask
	reason                    origin.Reason
}

func (c *counted) Answered(a origin.Ask, r origin.Response, _ time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers++
	c.last, c.reason = a, r.Reason
}

func (*counted) Taken(string, string, origin.Receipt, int, time.Duration) {}

func (c *counted) LookedUp(of origin.Level, _ bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if of == origin.EventLevel {
		c.events++
	} else {
		c.segments++
	}
}

func (c *counted) take() observed {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.observed
	c.observed = observed{}
	return o
}

func sorted(h http.Header) (lines []string) {
	for name, values := range h { // any order: they are sorted
		lines = append(lines, fmt.Sprint(name, values))
	}
	slices.Sort(lines)
	return lines
}

// Requests that come together are answered in their order, whoever answers them: one that is held, and refusals behind it.
func TestRefusalsTakeTheirTurn(t *testing.T) {
	node := speedNode(t, nil)
	ev, _ := node.Event("final")
	r, next := ev.Renditions[0].ID, ev.LiveEdge(time.Now())+1
	address := serve(t, delivery(node), originhttp.ForDelivery)
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	refused := "GET /nobody/v/1.m4s HTTP/1.1\r\nHost: x\r\n\r\n"
	held := fmt.Sprintf("GET /final/%s/%d.m4s HTTP/1.1\r\nHost: x\r\n\r\n", r, next)
	for _, together := range []bool{true, false} {
		if together {
			_, err = io.WriteString(c, refused+held+refused)
		} else {
			for _, one := range []string{refused, held, refused} {
				if _, err = io.WriteString(c, one); err != nil {
					break
				}
				time.Sleep(50 * time.Millisecond) // each in a packet of its own
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		for node.Holders() == 0 && together {
			time.Sleep(time.Millisecond)
		}
		p := segmentOf(t, ev, next, 0)
		if receipt, err := node.Publish(t.Context(), p); err != nil || !receipt.Outcome.Accepted() {
			t.Fatal(receipt, err)
		}
		in := bufio.NewReader(c)
		for i, want := range []int{404, 200, 404} {
			resp, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != want || n != resp.ContentLength {
				t.Errorf("together %v, answer %d: %d with %d bytes, %v; want %d", together, i, resp.StatusCode, n, err, want)
			}
		}
	}
}
