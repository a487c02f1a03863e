package resources

// shareHeap is a binary heap of shares by (tag, sequence). It is not container/heap, whose calls through an interface
// and whose pointers cost four times as much (performance.md section 7): the tags lie in the heap itself.
type shareHeap []tagged

type tagged struct {
	tag      uint64
	sequence uint64
	share    *share
}

func (a tagged) before(b tagged) bool {
	return a.tag < b.tag || a.tag == b.tag && a.sequence < b.sequence
}

func (h *shareHeap) push(s *share) {
	*h = append(*h, tagged{})
	h.up(len(*h)-1, tagged{s.tag, s.sequence, s})
}

// remove takes a share out that is there.
func (h *shareHeap) remove(s *share) {
	q := *h
	i, last := s.place-1, len(q)-1
	s.place = 0
	moved := q[last]
	q[last] = tagged{}
	*h = q[:last]
	switch {
	case i == last:
	case i > 0 && moved.before(q[(i-1)/2]):
		h.up(i, moved)
	default:
		h.down(i, moved)
	}
}

// up puts e at i, or above.
func (h shareHeap) up(i int, e tagged) {
	for i > 0 && e.before(h[(i-1)/2]) {
		h.put(i, h[(i-1)/2])
		i = (i - 1) / 2
	}
	h.put(i, e)
}

// down puts e at i, or below.
func (h shareHeap) down(i int, e tagged) {
	for {
		least := 2*i + 1
		if least >= len(h) {
			break
		}
		if right := least + 1; right < len(h) && h[right].before(h[least]) {
			least = right
		}
		if e.before(h[least]) {
			break
		}
		h.put(i, h[least])
		i = least
	}
	h.put(i, e)
}

func (h shareHeap) put(i int, e tagged) {
	h[i] = e
	e.share.place = i + 1
}

// lower subtracts from every tag, which keeps their order.
func (h shareHeap) lower(by uint64) {
	for i := range h {
		h[i].tag -= min(by, h[i].tag)
		h[i].share.tag = h[i].tag
	}
}
