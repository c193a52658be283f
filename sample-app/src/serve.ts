import type { INestApplication } from '@nestjs/common';

/** Lets the application listen on PORT, and close when its process is told to end. */
export async function serve(application: INestApplication): Promise<void> {
  const port = Number(process.env.PORT || 3000);
  await application.listen(port);
  console.log(whatToTry(`http://localhost:${port}`));
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
