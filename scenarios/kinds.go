package scenarios

import (
	"fmt"
	"maps"
	"slices"

	"github.com/liveorigin/liveorigin/scenarios/strictyaml"
)

// kind is a kind of fault, what an operation does, or what an objective is about: which keys one takes depends on it.
type kind struct {
	name          string
	needs, allows []string
	common        []string // may be given with each, and need not be told
	says          schema   // of keys whose values are narrower than with others
}

// check holds the keys that something of this kind has against those that it needs and takes.
func (k kind) check(r *reader, path string, all keys) {
	own := slices.DeleteFunc(slices.Concat(k.needs, k.allows), func(key string) bool { return slices.Contains(k.common, key) })
	for _, one := range all {
		p := join(path, one.name)
		switch {
		case slices.Contains(k.needs, one.name) && !r.given(p):
			r.problem(p, "%s needs %q: %s", k.name, one.name, one.about)
		case !slices.Contains(k.common, one.name) && !slices.Contains(own, one.name) && r.given(p):
			r.problemOfKey(p, "%s takes no %q%s", k.name, one.name, only(own))
		}
	}
}

func only(valid []string) string {
	if len(valid) == 0 {
		return ""
	}
	return "; it takes " + strictyaml.OneOf(valid)
}

// kindSection is a section whose schema knows what each kind needs and does not take. key says which kind it is.
type kindSection struct {
	section
	key   string
	kinds []kind
}

func (s kindSection) schema() schema {
	out := s.section.schema()
	var rules []schema
	for _, k := range s.kinds {
		properties := schema{}
		maps.Copy(properties, k.says)
		for _, one := range s.keys {
			if !slices.Contains(slices.Concat(k.needs, k.allows, k.common), one.name) {
				properties[one.name] = false
			}
		}
		then := schema{"properties": properties}
		if len(k.needs) > 0 {
			then["required"] = k.needs
		}
		rules = append(rules, when(s.key, k.name, then))
	}
	out["allOf"] = rules
	return out
}

// when is a rule of a schema: where a key has a value, something else must hold.
func when(key, is string, then schema) schema {
	return schema{
		"if":   schema{"properties": schema{key: schema{"const": is}}, "required": []string{key}},
		"then": then,
	}
}

// called is a fault or an operation with the name that it is referred to by.
type called struct {
	path, kind string
	name       *string
}

// nameAll gives each a name of its own: where the scenario gives none, its kind, with a number if that is taken. A given name
// may not be one that is reserved, unless it is the kind of the same.
func nameAll(r *reader, what string, all []called, reserved []string) {
	taken := map[string]bool{}
	for _, c := range all {
		path := join(c.path, "name")
		switch {
		case *c.name == "" || !r.sound(path):
		case taken[*c.name]:
			r.problem(path, "another %s is called %q", what, *c.name)
		case *c.name != c.kind && slices.Contains(reserved, *c.name):
			r.problem(path, "%q is a kind of %s; call this one something else", *c.name, what)
		}
		taken[*c.name] = true
	}
	for _, c := range all {
		if *c.name != "" {
			continue
		}
		*c.name = c.kind
		for n := 2; taken[*c.name]; n++ {
			*c.name = fmt.Sprintf("%s-%d", c.kind, n)
		}
		taken[*c.name] = true
	}
}
