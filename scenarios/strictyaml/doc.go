// Package strictyaml reads the YAML files that people write, and tells everything that is wrong with one at once: where,
// in which line, and what was probably meant. It takes the part of YAML that needs no manual: no anchors, aliases, tags or
// complex keys, one document, no key twice, none unknown, numbers in decimal. What it takes at all is bounded, so that no
// file makes it work for long.
//
//	c.yaml:3:1: unknown key "evnts"; did you mean "events"?
//	evnts: []
//	^
//
// Read fills a struct by its yaml tags. Who reads in a way of his own begins with Parse and goes over the Nodes.
package strictyaml
