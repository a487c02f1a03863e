package memcached

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// identity is a hash over all of a key.
type identity [sha256.Size]byte

// identify hashes a key's fields, each behind its length, so that no two keys have the same string. Memcached's keys
// have at most 250 bytes and no spaces; an event's name may be anything.
func identify(k origin.Key) identity {
	b := make([]byte, 0, 256)
	for _, s := range []string{k.Event, k.Rendition, k.Pipeline} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	b = binary.BigEndian.AppendUint64(b, uint64(k.Number))
	b = binary.BigEndian.AppendUint64(b, uint64(k.Part))
	return sha256.Sum256(b)
}

// keySize is that of an item's key.
const keySize = len("lo1-") + 2*keyBytes

// keyBytes of the hash are in the key, and all of it is in the head.
const keyBytes = 16

func (id identity) key() string { return "lo1-" + hex.EncodeToString(id[:keyBytes]) }

// head stands in front of a body.
type head struct {
	digest  uint32
	size    int
	expires time.Time // to the microsecond; zero is never
	id      identity
}

const (
	headSize = 5 + 4 + 4 + 8 + sha256.Size
	magic    = "LIVE\x01"
)

func (h head) append(b []byte) []byte {
	b = append(b, magic...)
	b = binary.BigEndian.AppendUint32(b, h.digest)
	b = binary.BigEndian.AppendUint32(b, uint32(h.size))
	var expires int64
	if !h.expires.IsZero() {
		expires = h.expires.UnixMicro()
	}
	b = binary.BigEndian.AppendUint64(b, uint64(expires))
	return append(b, h.id[:]...)
}

// readHead reads the head of an item; ok says that it is one of ours.
func readHead(b []byte) (h head, ok bool) {
	if len(b) < headSize || !bytes.HasPrefix(b, []byte(magic)) {
		return h, false
	}
	b = b[len(magic):headSize]
	h.digest = binary.BigEndian.Uint32(b)
	h.size = int(binary.BigEndian.Uint32(b[4:]))
	if expires := int64(binary.BigEndian.Uint64(b[8:])); expires != 0 {
		h.expires = time.UnixMicro(expires)
	}
	copy(h.id[:], b[16:])
	return h, true
}
