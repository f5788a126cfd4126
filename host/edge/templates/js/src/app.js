addEventListener('fetch', (event) => event.respondWith(answer(event.request)));

function answer(request) {
  const guest = decodeURIComponent(new URL(request.url).pathname.split('/')[2] ?? 'world');
  return Response.json({ greeting: `Hello, ${guest}!` });
}
