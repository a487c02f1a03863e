// Package reports turns a run's history into a verdict.
//
// A run records first and is judged after. Its directory holds two files of JSON lines, which several writers append to
// at once: the order of lines is the order of writing, and only at_us says when something was.
//
//	run.jsonl       harness: publishes, decisions, faults -.
//	                                                        >-- Judge --> Report --> text, report.json, junit.xml,
//	audience.jsonl  k6: what viewers got, second by second -'     ^                  summary.md, annotations
//	                                                              |
//	                                          Plan: phases, faults, objectives
//
// The judge reads the audience into cells, one a second and region, with counts and mergeable histograms in each.
// Everything it says later, of a phase, a region, the worst five seconds or the first breach, is a sum over cells. It is
// pure: the same plan and files give the same bytes.
//
// A replay leaves two files more. What its tiers carried, second by second, is in load.jsonl, of which package capacity
// makes a capacity plan; what it took of the machine is in cost.json, and no verdict depends on that.
//
// A verdict has three values. Fail needs evidence, and so does pass: where there is none, the verdict is inconclusive.
package reports
