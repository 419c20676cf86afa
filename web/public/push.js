// The worker that shows a reminder, also while no page is open. It keeps
// nothing and answers no request.
self.addEventListener('push', (event) => {
  const message = event.data ? event.data.json() : {};
  const shown = self.registration.showNotification(message.title ?? 'ispeed', {
    body: message.body ?? '',
    icon: '/icon.svg',
    tag: 'duty',
    lang: 'vi',
  });
  event.waitUntil(shown);
});

// A tap opens the measuring page, whatever the message said.
self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(self.clients.openWindow('/'));
});
