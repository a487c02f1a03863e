//go:build linux && (amd64 || arm64)

package guard

import (
	"net"
	"syscall"
	"unsafe"
)

// storm answers refusals on the socket of a connection, between two waits for the runtime's poller: for each request one read
// and one write of the kernel's, and nothing else that costs. And it sends what is short, as the first bytes of an answer that
// thousands were held for. Where there is nothing to answer, or anything is wrong, Read and Write of the connection take over;
// so limits, deadlines and Close are theirs. A nil storm does nothing.
type storm struct {
	conn  *Conn
	raw   syscall.RawConn
	serve func(fd uintptr) bool // the methods, bound once
	give  func(fd uintptr) bool
	into  []byte
	n     int // bytes of into that are for net/http
	out   []byte
	sent  int // bytes of out
}

// newStorm is nil where a connection is not the kernel's own: what is wrapped around one would not hear of its reads.
func newStorm(c *Conn, below net.Conn) *storm {
	tcp, ok := below.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil
	}
	s := &storm{conn: c, raw: raw}
	s.serve, s.give = s.answerAll, s.giveOut
	return s
}

// receive returns when there are n bytes of b for net/http, or with 0 when it is for the connection's Read to see what is up.
func (s *storm) receive(b []byte) (n int) {
	if s == nil {
		return 0
	}
	s.into, s.n = b, 0
	_ = s.raw.Read(s.serve) // what is wrong with it is wrong with the connection's Read
	s.into = nil
	s.conn.stopClock()
	return s.n
}

// answerAll is called when there is something to read, and says whether to return.
//
// A read that does not fill its buffer has taken all there was, and the poller remembers whatever has come since; so there is
// no need for another one to find that out, but for an end of the stream that came together with the request, of which there
// is no second word. Hence the glance: a connection that has just been renewed is read once more at once, and any other will
// be when its clock runs out.
func (s *storm) answerAll(fd uintptr) (done bool) {
	for {
		n, err := immediately(syscall.SYS_RECVFROM, fd, s.into)
		if n <= 0 {
			return err != syscall.EAGAIN
		}
		renewed := s.conn.renewed
		answer := s.conn.answer(s.into, n)
		if len(answer) == 0 {
			s.n = n
			return true
		}
		if sent, _ := immediately(syscall.SYS_SENDTO, fd, answer); sent < len(answer) {
			s.conn.send(answer[max(sent, 0):])
		}
		switch {
		case s.conn.failed != nil:
			return true
		case n < len(s.into) && s.conn.renewed == renewed:
			return false
		}
	}
}

// short is what the kernel takes without thinking it over: a head and the first bytes of a body.
const short = 4 << 10

// send returns how many bytes of b have been sent: all, mostly, if they are short. The rest is for the connection's Write.
func (s *storm) send(b []byte) int {
	if s == nil || len(b) > short {
		return 0
	}
	s.out, s.sent = b, 0
	_ = s.raw.Write(s.give) // what is wrong with it is wrong with the connection's Write
	s.out = nil
	return s.sent
}

func (s *storm) giveOut(fd uintptr) (done bool) {
	n, _ := immediately(syscall.SYS_SENDTO, fd, s.out)
	s.sent = max(n, 0)
	return true
}

// immediately receives or sends what can be without waiting (recvfrom(2), sendto(2)). So the scheduler need not be told of
// the call, whose monitor would else wake up every 20 µs to see whether it is over.
func immediately(call, fd uintptr, b []byte) (n int, err syscall.Errno) {
	r, _, err := syscall.RawSyscall6(call, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
		syscall.MSG_DONTWAIT|syscall.MSG_NOSIGNAL, 0, 0)
	return int(r), err
}
