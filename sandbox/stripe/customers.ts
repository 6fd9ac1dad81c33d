import { type Asked, listView, ownOf } from './calls.ts'
import { aliasOf, findCard } from './cards.ts'
import { invalid, missing, StripeError } from './errors.ts'
import { metadataOf, textOf } from './forms.ts'
import { type Customer, type Method, newId, nowSeconds, type Stripe } from './records.ts'
import { customerView, methodView, refusalView, type View } from './views.ts'

/** Customers, and the payment methods that belong to them. */

export function createCustomer(st: Stripe, { form, secretKey }: Asked): View {
  const customer = addCustomer(st, secretKey, textOf(form, 'email'))
  return customerView(st.customers.put(customer.id, { ...customer, ...given(customer, form) }))
}

export function addCustomer(st: Stripe, secretKey: string, email: string | null): Customer {
  const customer: Customer = {
    ...{ id: newId('cus', 14), secretKey, created: nowSeconds(), email },
    ...{ name: null, phone: null, description: null, metadata: {} },
  }
  return st.customers.put(customer.id, customer)
}

function given(customer: Customer, form: Asked['form']): Partial<Customer> {
  return {
    email: textOf(form, 'email') ?? customer.email,
    name: textOf(form, 'name') ?? customer.name,
    phone: textOf(form, 'phone') ?? customer.phone,
    description: textOf(form, 'description') ?? customer.description,
    metadata: { ...customer.metadata, ...metadataOf(form) },
  }
}

export function findCustomer(st: Stripe, asked: Asked): Customer {
  return ownOf(st.customers, asked, asked.id, 'customer', 'id')
}

export function updateCustomer(st: Stripe, asked: Asked): View {
  const customer = findCustomer(st, asked)
  return customerView(st.customers.put(customer.id, { ...customer, ...given(customer, asked.form) }))
}

export function deleteCustomer(st: Stripe, asked: Asked): View {
  const { id } = findCustomer(st, asked)
  return st.core.store.write(() => {
    for (const method of st.methods.by('customer', id)) st.methods.put(method.id, detached(method))
    st.customers.remove(id)
    return { id, object: 'customer', deleted: true }
  })
}

export function listCustomers(st: Stripe, { form, secretKey }: Asked): View {
  const email = textOf(form, 'email')
  const own = st.customers.by('owner', secretKey).filter((one) => email === null || one.email === email)
  return listView(form, '/v1/customers', own, customerView)
}

export function listMethods(st: Stripe, asked: Asked): View {
  const { id } = findCustomer(st, asked)
  return methodsOf(st, asked, id, `/v1/customers/${id}/payment_methods`)
}

export function listAllMethods(st: Stripe, asked: Asked): View {
  const customer = textOf(asked.form, 'customer')
  if (customer === null) throw missing('customer')
  ownOf(st.customers, asked, customer, 'customer', 'customer')
  return methodsOf(st, asked, customer, '/v1/payment_methods')
}

function methodsOf(st: Stripe, { form }: Asked, customer: string, url: string): View {
  const type = textOf(form, 'type')
  const methods = type === null || type === 'card' ? st.methods.by('customer', customer) : []
  return listView(form, url, methods, methodView)
}

export function findMethod(st: Stripe, asked: Asked): Method {
  return useMethod(st, asked.secretKey, asked.id, 'payment_method')
}

/** A saved method by its id, or a new one of a ready-made test card (`pm_card_visa`). */
export function useMethod(st: Stripe, secretKey: string, id: string, param: string): Method {
  const number = aliasOf(id)
  return number === null
    ? ownOf(st.methods, { secretKey }, id, 'PaymentMethod', param)
    : addMethod(st, secretKey, number, null)
}

export function addMethod(
  st: Stripe,
  secretKey: string,
  cardNumber: string,
  email: string | null,
  type = 'card',
): Method {
  const method: Method = {
    ...{ id: newId('pm'), secretKey, created: nowSeconds(), cardNumber, customer: null, email, metadata: {}, type },
  }
  return st.methods.put(method.id, method)
}

/** A card that the bank refuses cannot be attached either. */
export function attachMethod(st: Stripe, asked: Asked): View {
  const customer = textOf(asked.form, 'customer')
  if (customer === null) throw missing('customer')
  ownOf(st.customers, asked, customer, 'customer', 'customer')
  const method = findMethod(st, asked)
  if (method.customer !== null && method.customer !== customer) {
    throw invalid('The payment method you provided has already been attached to a customer.')
  }
  if (method.isDetached) throw notReusable()
  const { refusal } = findCard(method.cardNumber)
  if (refusal !== null) throw new StripeError(402, 'card_error', refusal.message, refusalView(refusal), true)
  return methodView(st.methods.put(method.id, { ...method, customer }))
}

export function detachMethod(st: Stripe, asked: Asked): View {
  const method = findMethod(st, asked)
  if (method.customer === null) {
    throw invalid('The payment method you provided is not attached to a customer so detachment is impossible.')
  }
  return methodView(st.methods.put(method.id, detached(method)))
}

const detached = (method: Method): Method => ({ ...method, customer: null, isDetached: true })

export function notReusable(): StripeError {
  return invalid(
    'The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared with a connected account without Customer attachment, or was detached from a Customer. It may not be used again. To use a PaymentMethod multiple times, you must attach it to a Customer first.',
    'payment_method',
  )
}
