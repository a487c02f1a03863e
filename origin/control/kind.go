package control

// kinds is the closed table of what can be done to an event, by the names that records have.
var kinds = []struct {
	name string
	of   func(Change) bool
}{
	{"create", is[Create]}, {"start", is[Start]}, {"on-air", is[OnAir]}, {"end", is[End]}, {"remove", is[Remove]},
	{"time-shift-buffer", is[TimeShiftBuffer]}, {"redirect", is[Redirect]},
	{"mask", is[Mask]}, {"unmask", is[Unmask]}, {"invalidate", is[Invalidate]}, {"cache-version", is[BumpCacheVersion]},
	{"notice", is[Notify]}, {"withdraw", is[Withdraw]},
}

// KindOf names a change as records do; empty for none.
func KindOf(c Change) string {
	for _, k := range kinds {
		if k.of(c) {
			return k.name
		}
	}
	return ""
}

func is[T Change](c Change) bool { _, ok := c.(T); return ok }
