// A table that is wider than its column scrolls; the theme wraps it once the page is loaded, and a keyboard must reach it.
new MutationObserver(() => {
  for (const wrap of document.querySelectorAll(".md-typeset__scrollwrap:not([tabindex])")) {
    wrap.tabIndex = 0;
  }
}).observe(document.documentElement, { childList: true, subtree: true });
