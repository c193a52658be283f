import { createApplication } from './application.js';

const port = Number(process.env.PORT || 3000);

try {
  const application = await createApplication();
  await application.listen(port);
  console.log(whatToTry(`http://localhost:${port}`));
} catch (error) {
  console.error(`The application could not start: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}

function whatToTry(url: string): string {
  return `
The shop is open: ${url}

Or without a browser:

  SALE=$(curl -s ${url}/sales -H 'content-type: application/json' \\
    -d '{ "title": "Moon lamp", "priceCents": 1990, "stock": 100 }' | grep -o '[0-9a-f-]\\{36\\}')

  curl -N ${url}/sales/$SALE/events &

  curl -i ${url}/sales/$SALE/orders -H 'content-type: application/json' \\
    -d '{ "orderId": "ada-1", "buyer": "Ada", "quantity": 2 }'   # run it twice: still one order

  curl -s ${url}/sales/$SALE/orders/ada-1
`;
}
