package resources

import "time"

// Where jobs have a core each: first come first served, and both kinds of priorities.

// admit gives a job a core, or lets it wait.
func (m *Machine) admit(j *Job) {
	j.class = j.Class
	if m.capacity.Discipline == FIFO || m.capacity.Cores == 0 {
		j.class = 0
	}
	for len(m.waiting) <= j.class {
		m.waiting = append(m.waiting, jobList{})
		m.serving = append(m.serving, jobList{})
	}
	if m.capacity.Cores == 0 || m.cores < m.capacity.Cores || m.preempt(j.class) {
		m.serve(j)
		return
	}
	m.waiting[j.class].append(j)
}

// preempt takes a core from the last job of the highest class above this one; it reports false where there is none. The
// job goes back to the head of its class.
func (m *Machine) preempt(class int) bool {
	if m.capacity.Discipline != Preemptive {
		return false
	}
	for c := len(m.serving) - 1; c > class; c-- {
		if j := m.serving[c].last; j != nil {
			m.suspend(j)
			m.release(j)
			m.waiting[c].prepend(j)
			return true
		}
	}
	return false
}

// serve puts a job on a core.
func (m *Machine) serve(j *Job) {
	m.settle()
	m.cores++
	j.serving = true
	m.serving[j.class].append(j)
	m.proceed(j)
}

// release takes it off.
func (m *Machine) release(j *Job) {
	m.settle()
	m.cores--
	j.serving = false
	m.serving[j.class].remove(j)
}

// proceed lets a job on a core be worked on, and suspend stops that.
func (m *Machine) proceed(j *Job) {
	if m.paused {
		return
	}
	j.since = int64(m.loop.Elapsed())
	j.timer = m.loop.After(time.Duration(j.left), (*served)(j))
}

func (m *Machine) suspend(j *Job) {
	if m.paused {
		return
	}
	j.left -= int64(m.loop.Elapsed()) - j.since
	m.loop.Stop(j.timer)
}

// finish is for a job whose work is done.
func (m *Machine) finish(j *Job) {
	m.release(j)
	m.next()
	j.finished()
}

// next gives a core that has become free to whoever is first of the lowest class.
func (m *Machine) next() {
	for class := range m.waiting {
		if j := m.waiting[class].first; j != nil {
			m.waiting[class].remove(j)
			m.serve(j)
			return
		}
	}
}

// leave takes out a job whose work is not done.
func (m *Machine) leave(j *Job) {
	if !j.serving {
		m.waiting[j.class].remove(j)
		return
	}
	m.suspend(j)
	m.release(j)
	m.next()
}

// settle brings the core time up to now.
func (m *Machine) settle() {
	now := int64(m.loop.Elapsed())
	if !m.paused {
		m.busy += int64(m.cores) * (now - m.settled)
	}
	m.settled = now
}
