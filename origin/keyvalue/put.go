package keyvalue

import (
	"context"
	"errors"
	"fmt"

	"github.com/liveorigin/liveorigin/origin"
)

// Put implements origin.Store: nil once the row that commits the object is acknowledged.
//
// A table that knows a chunk by its key alone may have one of other bytes, of a writer who has lost or died. The object
// is then refused with ErrExists, though nobody may ever commit the other; one that knows chunks by their digests too,
// as the one on Cassandra does, keeps both.
func (s *Store) Put(ctx context.Context, key origin.Key, o origin.Object) error {
	s.stats.puts.Add(1)
	err := s.put(ctx, key, o)
	switch {
	case errors.Is(err, origin.ErrExists):
		s.stats.refused.Add(1)
	case err != nil:
		s.stats.unstored.Add(1)
	}
	return err
}

func (s *Store) put(ctx context.Context, key origin.Key, o origin.Object) error {
	if err := s.admit(ctx, key, o); err != nil {
		return err
	}
	if o.Token == (origin.Token{}) {
		o.Token = s.token()
	}
	c := s.begin(ctx)
	defer c.end()
	through := through{store: s}
	first, err := o, error(nil)
	cut := o.Size > s.config.ChunkBytes || passesForIndex(o)
	if cut {
		x := newIndex(o, s.config.ChunkBytes)
		first = x.row(o)
		err = c.beside(len(x.chunks), func(ctx context.Context, i int) error {
			k, chunk := key, x.rowOf(i, o)
			k.Part = i + 1
			through.set(k, chunk)
			return s.write(ctx, k, chunk)
		})
	} else {
		through.try(key, o)
	}
	if err == nil {
		err = s.write(c.ctx, key, first)
	}
	if errors.Is(err, origin.ErrExists) && s.committed(c.ctx, key, o) {
		err = nil
	}
	if err != nil {
		if through.decide(false) {
			through.wait(ctx)
		}
		return c.error(err)
	}
	s.recent.keep(key, o)
	if cut {
		through.set(key, first)
	}
	through.decide(true)
	through.wait(ctx)
	return nil
}

// admit refuses what could not be read again.
func (s *Store) admit(ctx context.Context, key origin.Key, o origin.Object) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case s.config.Context.Err() != nil:
		return s.config.Context.Err()
	case key.Part != 0:
		return fmt.Errorf("store part %d of %s/%d: an object is stored as a whole", key.Part, key.Rendition, key.Number)
	case o.Size < 0 || o.Size > mostBytes || o.Size > mostChunks*s.config.ChunkBytes:
		return fmt.Errorf("store %d bytes: too many", o.Size)
	case o.Body != nil && (len(o.Body) != o.Size || origin.Checksum(o.Body) != o.Digest):
		return fmt.Errorf("store %d bytes as %d with digest %08x: they have another", len(o.Body), o.Size, o.Digest)
	}
	return nil
}

// committed says whether these very bytes are there, though a row of them was refused: cut in another way.
func (s *Store) committed(ctx context.Context, key origin.Key, o origin.Object) bool {
	r, err := s.read(ctx, wanted{key, o.Digest}, nil)
	return err == nil && (r.index != nil && r.index.size == o.Size || r.index == nil && r.Size == o.Size)
}
