import type { TSchema } from 'typebox'
import { businessSchema, ownBusinessSchema, testClockSchema } from '../domain/businesses/schema.ts'
import { sdkOpenedSchema, sdkRequestSchema } from '../domain/checkout/schema.ts'
import { customerSchema, sentCustomerSchema } from '../domain/customers/schema.ts'
import { exportSchema } from '../domain/erasures/schema.ts'
import {
  businessPaymentChannelSchema,
  capabilitiesSchema,
  paymentChannelSchema,
} from '../domain/payment-channels/schema.ts'
import { paymentMethodSchema } from '../domain/payment-methods/schema.ts'
import { requestSchema, timelineRecordSchema, transactionSchema } from '../domain/payment-requests/schema.ts'
import { initiateFields } from '../domain/payments/schema.ts'
import { portalLinkSchema } from '../domain/portal/schema.ts'
import { refundSchema } from '../domain/refunds/schema.ts'
import { ownPlanSchema, planSchema } from '../domain/subscription-plans/schema.ts'
import { subscriptionSchema } from '../domain/subscriptions/schema.ts'
import { deliverySchema, endpointSchema, eventSchema } from '../domain/webhooks/schema.ts'
import { linkSchema } from '../platform/pagination.ts'
import { metaData } from '../platform/wire.ts'

/**
 * What a shape is called in the published document. A shape that occurs anywhere is published once, under its name, and
 * referred to: a generated client then has one type `Customer`, not one for each answer that shows a customer.
 */
export const schemaNames: Readonly<Record<string, TSchema>> = {
  Business: businessSchema,
  BusinessSettings: ownBusinessSchema,
  TestClock: testClockSchema,
  Customer: customerSchema,
  SentCustomer: sentCustomerSchema,
  NewCustomer: initiateFields.customer,
  CustomerExport: exportSchema,
  PaymentChannel: paymentChannelSchema,
  ConnectedPaymentChannel: businessPaymentChannelSchema,
  PaymentChannelCapabilities: capabilitiesSchema,
  PaymentMethod: paymentMethodSchema,
  Transaction: transactionSchema,
  TimelineRecord: timelineRecordSchema,
  PaymentRequest: requestSchema(['timeline_records', 'customer', 'business']),
  PaymentRequestWithCustomer: requestSchema(['customer']),
  PaymentRequestWithTimeline: requestSchema(['timeline_records', 'customer']),
  PaymentRequestWithBusiness: requestSchema(['customer', 'business']),
  PaymentRequestWithPlan: requestSchema(['customer', 'business', 'subscription_plan']),
  SdkPaymentRequest: sdkRequestSchema,
  SdkCheckout: sdkOpenedSchema,
  PortalLink: portalLinkSchema,
  Refund: refundSchema,
  PlanInBrief: planSchema,
  SubscriptionPlan: ownPlanSchema,
  Subscription: subscriptionSchema,
  SubscribedPlan: subscriptionSchema.properties.subscription_plan,
  WebhookEndpoint: endpointSchema,
  WebhookDelivery: deliverySchema,
  Event: eventSchema,
  PaginatorLink: linkSchema,
  MetaData: metaData,
}
