package resources

import "math/bits"

// wide is a sum of products of counts and nanoseconds, in 128 bits: 65 million viewers for 3 hours are 7e20 of them,
// more than an int64 holds. It is two's complement, so that differences are exact.
type wide struct{ high, low uint64 }

// add adds n times d, neither of which is negative.
func (w *wide) add(n, d int64) {
	high, low := bits.Mul64(uint64(n), uint64(d))
	var carry uint64
	w.low, carry = bits.Add64(w.low, low, 0)
	w.high += high + carry
}

// sub subtracts n times d, neither of which is negative.
func (w *wide) sub(n, d int64) {
	high, low := bits.Mul64(uint64(n), uint64(d))
	var borrow uint64
	w.low, borrow = bits.Sub64(w.low, low, 0)
	w.high -= high + borrow
}

// plus is the sum of both.
func (w wide) plus(v wide) wide {
	low, carry := bits.Add64(w.low, v.low, 0)
	return wide{w.high + v.high + carry, low}
}

// float is for reports.
func (w wide) float() float64 { return float64(int64(w.high))*(1<<64) + float64(w.low) }
