package parts

import (
	"bufio"
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/liveorigin/liveorigin/origin"
)

// What is not a whole line of ours is counted, and what is comes through, whatever was before it.
func TestRead(t *testing.T) {
	const one = `{"record":{"at_us":7,"kind":"fetch"}}` + "\n"
	for _, c := range []struct {
		why, sent    string
		records, cut int64
	}{
		{"nothing", "", 0, 0},
		{"whole lines", one + one, 2, 0},
		{"cut in the middle", one + one[:20], 1, 1},
		{"cut before the line's end: nobody can know that it was the end", one + one[:len(one)-1], 1, 1},
		{"rubbish in between", one + "panic: x\n" + one, 2, 1},
		{"a number that no record can have", `{"record":{"at_us":"7"}}` + "\n" + one, 1, 1},
		{"a line that is too long", strings.Repeat("x", maxLine+5) + "\n" + one, 1, 2},
		{"an answer that nobody waits for", `{"answer":{"id":9}}` + "\n" + one, 1, 0},
	} {
		got := new(taken)
		l := &life{sink: Sink{Record: got.Record}}
		l.read(bufio.NewReaderSize(strings.NewReader(c.sent), maxLine))
		if n := int64(len(got.of("fetch"))); n != c.records || l.records != n || l.lost.Cut != c.cut {
			t.Errorf("%s: %d records, %d cut; want %d, %d", c.why, n, l.lost.Cut, c.records, c.cut)
		}
	}
}

// FuzzRead: whatever a child sends, reading ends, and nothing becomes a record that was not one.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"record":{"at_us":7,"kind":"fetch"}}` + "\n" + `{"counts":{"a":1}}` + "\n" + `{"end":{"records":1}}` + "\n{"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		l := &life{sink: Sink{Record: func(origin.Record) {}}}
		l.read(bufio.NewReaderSize(bytes.NewReader(sent), maxLine))
		if lines := int64(bytes.Count(sent, []byte("\n"))); l.records > lines || l.lost.Cut > lines+1 {
			t.Errorf("%d lines, %d records, %d cut", lines, l.records, l.lost.Cut)
		}
	})
}

// stuck is a parent that does not read, until it is let go.
type stuck struct {
	let  chan struct{}
	got  bytes.Buffer
	fail error
}

func (s *stuck) Write(b []byte) (int, error) {
	<-s.let
	if s.fail != nil {
		return 0, s.fail
	}
	return s.got.Write(b)
}

// A parent that does not read costs records, which are counted, and never the time of who records.
func TestOutboxIsBounded(t *testing.T) {
	out := &stuck{let: make(chan struct{})}
	b := newOutbox(out)
	big := origin.Record{Kind: "fetch", Error: strings.Repeat("x", maxLine/2)}
	const many = 3 * outboxBytes / (maxLine / 2)
	for range many {
		b.record(message{Record: &big})
	}
	close(out.let)
	b.close()
	got := new(taken)
	l := &life{sink: Sink{Record: got.Record}}
	l.read(bufio.NewReaderSize(&out.got, maxLine))
	e := l.end
	if e == nil || e.Records+e.Dropped != many || e.Records != l.records || e.Dropped < many/3 || l.lost.Cut != 0 {
		t.Errorf("the end says %+v; %d records came, %d lines were cut", e, l.records, l.lost.Cut)
	}
	b.record(message{Record: &big}) // too late, and no harm
	b.answer(answer{ID: 1})
}

// A record that is longer than a line may be is one that is dropped.
func TestOutboxLine(t *testing.T) {
	var out bytes.Buffer
	b := newOutbox(&out)
	b.record(message{Record: &origin.Record{Error: strings.Repeat("x", maxLine)}})
	b.close()
	if got := out.String(); got != `{"end":{"records":0,"dropped":1}}`+"\n" {
		t.Errorf("sent %.100q", got)
	}
}

// A parent that is gone holds nobody up.
func TestOutboxWithoutParent(t *testing.T) {
	out := &stuck{let: make(chan struct{}), fail: errors.New("broken pipe")}
	close(out.let)
	b := newOutbox(out)
	b.record(message{Record: &origin.Record{}})
	b.close()
}

func TestLogTail(t *testing.T) {
	l, err := openLog("")
	if err != nil {
		t.Fatal(err)
	}
	for range 10_000 {
		_, _ = l.Write([]byte("all is well\n"))
	}
	_, _ = l.Write([]byte("no such database\n"))
	last := l.last()
	if len(last) > tailBytes || !strings.HasPrefix(last, "all is well\n") || !strings.HasSuffix(last, "\nno such database") {
		t.Errorf("%d bytes: %.40q", len(last), last)
	}
}
