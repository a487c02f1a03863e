package guard

// chunks follows a chunked body (RFC 9112, 7.1) to its end. The zero value is before the first chunk.
//
// It is stricter than the readers behind it: lines end in CRLF, sizes are hexadecimal digits and nothing else, and
// lines have a length.
type chunks struct {
	state chunkState
	size  int64 // bytes to come of the chunk, or the size as far as it has been read
	line  int   // bytes of the line so far; of a trailer, of all its lines
	after byte  // what the LF that is awaited ends
}

type chunkState uint8

const (
	inSize chunkState = iota
	inExtension
	inData
	inDataCR // after the data
	inLineLF // after the CR of a line; chunks.after says which
	inLine   // at the start of a line of the trailer
	inName   // of a field of the trailer
	inValue  // of a field of the trailer
	afterChunks
)

const (
	maxChunkLine = 256
	maxTrailer   = 2 << 10 // net/http wants a whole trailer in its buffer of 4 KiB
	maxSizeDigit = 12      // 256 TiB
)

// scan returns how many bytes of b belong to the body, up to its end, and whether they are well-formed.
func (k *chunks) scan(b []byte) (n int, ok bool) {
	for n < len(b) && k.state != afterChunks {
		if k.state == inData {
			step := min(k.size, int64(len(b)-n))
			n += int(step)
			if k.size -= step; k.size == 0 {
				k.state = inDataCR
			}
			continue
		}
		if !k.step(b[n]) {
			return n, false
		}
		n++
	}
	return n, true
}

// step takes one byte of what is not data.
func (k *chunks) step(c byte) bool {
	k.line++
	switch k.state {
	case inSize:
		return k.sizeByte(c)
	case inExtension:
		if c == '\r' {
			return k.endLine('s')
		}
		return is(c, valueByte) && k.line <= maxChunkLine
	case inDataCR:
		return c == '\r' && k.endLine('d')
	case inLine:
		if c == '\r' {
			return k.endLine('e')
		}
		k.state = inName
		return is(c, tokenByte) && k.line <= maxTrailer
	case inName:
		if c == ':' {
			k.state = inValue
			return true
		}
		return is(c, tokenByte) && k.line <= maxTrailer
	case inValue:
		if c == '\r' {
			return k.endLine('t')
		}
		return is(c, valueByte) && k.line <= maxTrailer
	case inLineLF:
		return c == '\n' && k.nextLine()
	}
	return false
}

func (k *chunks) sizeByte(c byte) bool {
	switch {
	case is(c, hexByte):
		k.size = k.size<<4 | int64(unhex(c))
		return k.line <= maxSizeDigit
	case k.line == 1:
		return false // a size has a digit
	case c == ';':
		k.state = inExtension
		return true
	}
	return c == '\r' && k.endLine('s')
}

func (k *chunks) endLine(which byte) bool {
	k.state, k.after = inLineLF, which
	return true
}

// nextLine is after a line's end: of a size 's', of data 'd', of a trailer's field 't', and of everything 'e'.
func (k *chunks) nextLine() bool {
	switch {
	case k.after == 'e':
		k.state = afterChunks
	case k.after == 't':
		k.state = inLine
	case k.after == 'd':
		k.state, k.size, k.line = inSize, 0, 0
	case k.size == 0: // the last chunk
		k.state, k.line = inLine, 0
	default:
		k.state = inData
	}
	return true
}
