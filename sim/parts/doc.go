// Package parts runs parts of a stack as processes of their own, so that they can be killed, stopped and started again
// as machines are. It knows nothing of what a part does: that is a program's, which calls Main.
//
//	parent: Start, a Process                         child: Main, a Child
//	   the configuration, the addresses  -- stdin -->  Config, Listen, Ready
//	   commands, one JSON line each                    Handle
//	   name=address ..., ready, connected <-- stdout   Ready, Connected
//	   records, counts, answers         <-- file 3 --  Record, Counters: one JSON line each, every 50 ms
//	   a bounded log                    <-- stderr --  whatever it says
//
// A child ends when its stdin ends, which is how it is stopped, and within a few seconds of that; where the kernel can
// (Linux), also with the thread that started it, so that nothing survives a parent that is killed.
//
// What a child recorded is with the parent at the latest 50 ms after it, in order. A child that is killed takes with it
// what it had not sent, and maybe half of a line: that is dropped and counted (Losses), never read as something else. One
// that is stopped in order sends everything, and says how much that was.
package parts
