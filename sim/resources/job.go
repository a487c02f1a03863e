package resources

import (
	"time"

	"github.com/liveorigin/liveorigin/sim/loop"
)

// Job is work for a Machine. The caller fills in what is exported, and may use the Job again once it is out.
type Job struct {
	Class int           // from 0, which goes first where there are priorities
	Work  time.Duration // of one core; at most 52 days
	Done  loop.Waker    // woken when the work is done; not when the job is refused or aborted

	machine *Machine // nil while it is in none
	entry   Entry
	share   share // where cores are shared; the rest is for where they are not
	class   int   // of the lists that it is in
	serving bool
	left    int64 // nanoseconds of work still to do, as of since
	since   int64
	timer   loop.Timer
	before  *Job
	after   *Job
}

// finished implements finisher: the job leaves, and whoever waits for it is told.
func (j *Job) finished() {
	m := j.machine
	j.machine = nil
	m.Flow.Leave(j.entry, Answered, 0)
	j.Done.Wake()
}

// served is a Job whose core has done its work.
type served Job

// Wake implements loop.Waker.
func (s *served) Wake() {
	j := (*Job)(s)
	j.machine.finish(j)
}

// jobList is a list of jobs in order, of which each can leave at any time.
type jobList struct {
	first, last *Job
	size        int
}

func (l *jobList) append(j *Job) {
	j.before, j.after = l.last, nil
	if l.last != nil {
		l.last.after = j
	} else {
		l.first = j
	}
	l.last = j
	l.size++
}

func (l *jobList) prepend(j *Job) {
	j.before, j.after = nil, l.first
	if l.first != nil {
		l.first.before = j
	} else {
		l.last = j
	}
	l.first = j
	l.size++
}

func (l *jobList) remove(j *Job) {
	if j.before != nil {
		j.before.after = j.after
	} else {
		l.first = j.after
	}
	if j.after != nil {
		j.after.before = j.before
	} else {
		l.last = j.before
	}
	j.before, j.after = nil, nil
	l.size--
}
