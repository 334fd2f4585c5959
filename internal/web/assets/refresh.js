"use strict";
// Fetches the same page again while something on it changes, and puts the parts that
// differ into place. Everything can be read without it.
(() => {
  const shortest = 2000, longest = 30000;
  let pause = shortest;
  const refresh = async () => {
    const answer = await fetch(location.href, { redirect: "error", cache: "no-store" });
    if (!answer.ok) throw new Error(answer.status);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-part]")) {
      const now = fresh.getElementById(part.id);
      // What has the focus stays as it is until the focus has gone on.
      if (!now || part.contains(document.activeElement) || now.innerHTML === part.innerHTML) continue;
      part.replaceChildren(...now.childNodes);
    }
    document.getElementById("main").dataset.live = fresh.getElementById("main").dataset.live;
  };
  const again = async () => {
    if (!document.hidden) {
      try {
        await refresh();
        pause = shortest;
      } catch {
        pause = Math.min(2 * pause, longest);
      }
    }
    if (document.getElementById("main").dataset.live === "true") setTimeout(again, pause);
  };
  setTimeout(again, pause);
})();
