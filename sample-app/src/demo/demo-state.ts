import { Injectable, Optional } from '@nestjs/common';
import { ClusterPubSub } from 'keyslot';
import { type SalePlace, SalesService } from '../sales/sales.service.js';
import { type ClusterMap, ClusterMapper } from './cluster-map.js';
import { Crowd, type CrowdReport } from './crowd.js';
import { Doors } from './doors.js';
import { FaultsService, type FaultsState } from './faults.service.js';

/** All that the page shows beside the sale itself. */
export interface DemoState {
  cluster: ClusterMap;
  /** Where the sale is. */
  place?: SalePlace;
  crowd?: CrowdReport;
  /** How often this process may have missed news, which it then read. */
  gaps: number;
  /** The addresses of the application's processes. */
  doors: readonly string[];
  /** Where the cluster may be broken. */
  faults?: FaultsState;
}

@Injectable()
export class DemoStates {
  private gaps = 0;

  constructor(
    private readonly mapper: ClusterMapper,
    private readonly sales: SalesService,
    private readonly crowd: Crowd,
    private readonly doors: Doors,
    pubsub: ClusterPubSub,
    @Optional() private readonly faults?: FaultsService,
  ) {
    pubsub.gaps$.subscribe(() => (this.gaps += 1));
  }

  of(saleId?: string): DemoState {
    return {
      cluster: this.mapper.map(),
      place: saleId === undefined ? undefined : this.sales.place(saleId),
      crowd: saleId === undefined ? undefined : this.crowd.report(saleId),
      gaps: this.gaps,
      doors: this.doors.urls,
      faults: this.faults?.state,
    };
  }
}
