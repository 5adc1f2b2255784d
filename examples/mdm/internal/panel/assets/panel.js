// What htmx does not do by attributes alone: the bar of an upload, and print.
"use strict";

document.addEventListener("htmx:xhr:progress", (e) => {
  const bar = e.target.querySelector(".bar");
  if (!bar || !e.detail.lengthComputable) return;
  const percent = Math.floor((100 * e.detail.loaded) / e.detail.total);
  bar.hidden = false;
  bar.querySelector("progress").value = percent;
  bar.querySelector("output").textContent =
    percent < 100 ? percent + " %" : "Checking…";
});

document.addEventListener("htmx:afterRequest", (e) => {
  const bar = e.target.querySelector && e.target.querySelector(".bar");
  if (bar && !e.detail.successful) bar.hidden = true;
});

document.addEventListener("click", (e) => {
  if (e.target.closest(".print")) window.print();
});
