// The plain page. It has nothing but the public API: REST, and server-sent events read by `fetch`, since an EventSource can neither be told
// where to go on nor shows the server's signs of life.
//
// A browser opens six connections to a host over HTTP/1.1, for all its tabs together. So they share one stream of events (`happenings`) and at
// most three of answers (`turns`, which hand a lock from tab to tab), and two connections are left for everything else.
//
// For whoever tests or measures this page, what stays as it is (its policy allows no eval, which Playwright's `wait_for_function` needs for a
// text; its locators and `evaluate` do without):
//   #live[data-live]                 "connecting", "live" or "lost": whether this tab hears of events, by whichever tab's connection
//   #prompt, #send                   where one asks
//   #turns > .turn                   a question with its answer, the newest last:
//     [data-task], [data-status]     its task's id and status as in the API; "SENDING" before it has one, "REFUSED" where it gets none
//     [data-asked-at], [data-first-at], [data-done-at]   performance.now() when it was sent, its first text shown, its end shown
//     .answer-text                   the answer's text and nothing else, in one text node
//     .events > li                   what else happened, in its order

import { comeBack } from "./chat.js";
import { keepUp, sayHello } from "./happenings.js";
import { showTheme } from "./theme.js";
import { read, showLive } from "./things.js";

showTheme();
showLive("connecting");
read();
keepUp();
sayHello();
comeBack();
