// Package admission decides who is served when not everyone can be.
//
//	                    stress of the store: slow reads, reads at once
//	                    |            stress of the network: bytes a second
//	                    v            v
//	ask, of a class -> how much of the class is refused? -> admitted: a read, or bytes from memory
//	                    |
//	                    '-> 503 for 5 s, from memory: caches take the repeats
//
// Priority is our policy. It refuses nothing before there is stress, and then one class after the other, the least
// important first (facts.md, PRI-1 to PRI-4); publications are not asked about. It reads no clock but the one that it is given,
// draws nothing by chance, and so does the same on both clocks. Package policies has it by name, with what it is compared with.
package admission
